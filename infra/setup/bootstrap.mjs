// From a fresh clone to a running program: installs and builds what is missing, then becomes the program.
// Plain JavaScript over Node's built-ins, since nothing else is there yet.
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { isInstalled, installCommand, writeStamp: stampInstall } = require('./bootstrap/install.cjs');
const { listSources, planBuild, removeVanished, writeStamp: stampBuild } = require('./bootstrap/build.cjs');
const { takeLock } = require('./bootstrap/lock.cjs');
const { say, runStep } = require('./bootstrap/steps.cjs');

const USAGE = `Usage: node infra/setup/bootstrap.mjs <command>
  start [--once]   run everything here; --once delivers one webhook and stops
  test [jest args] run the tests against servers of their own
  build            install and compile
  run <program>    run dist/<program>.js, such as bench/webhooks/main`;
const OLDEST_NODE = [20, 18, 1];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const dataDirectory = path.resolve(process.env.WAYBILL_DATA_DIR || path.join(root, '.waybill'));
const logFolder = path.join(dataDirectory, 'log');
const [command, ...args] = process.argv.slice(2);

requireNode();
switch (command) {
  case 'start':
    requireOnlyStart();
    await prepare({ typesMustBeRight: true });
    become('infra/setup/commands/start', args);
    break;
  case 'test':
    // Type errors elsewhere are for `npm run check` to refuse; the tests can run meanwhile.
    await prepare({ typesMustBeRight: false });
    become('infra/setup/commands/test', args);
    break;
  case 'build':
    await prepare({ typesMustBeRight: true });
    say('Built.');
    break;
  case 'run':
    if (args[0] === undefined) fail(USAGE);
    await prepare({ typesMustBeRight: true });
    become(args[0], args.slice(1));
    break;
  default:
    fail(USAGE);
}

function requireNode() {
  const version = process.versions.node.split('.').map(Number);
  const differing = OLDEST_NODE.findIndex((part, index) => part !== version[index]);
  if (differing !== -1 && version[differing] < OLDEST_NODE[differing]) {
    fail(`Waybill needs Node.js ${OLDEST_NODE.join('.')} or later; this is ${process.versions.node}.`);
  }
}

function requireOnlyStart() {
  const lock = takeLock(path.join(dataDirectory, 'start.lock'));
  if (lock.taken) return;
  fail(
    `Waybill is already running here: process ${lock.pid} uses ${dataDirectory}.\n` +
      'Stop it first (Ctrl-C in its terminal), or set WAYBILL_DATA_DIR to another folder to run a second one beside it.',
  );
}

/** Installs and builds what is not up to date; one process at a time, the others wait. */
async function prepare({ typesMustBeRight }) {
  const lock = await waitForLock(path.join(root, '.waybill', 'build.lock'));
  try {
    await install();
    await build(typesMustBeRight);
  } finally {
    lock.release();
  }
}

async function waitForLock(file) {
  for (let said = false; ; said = true) {
    const lock = takeLock(file);
    if (lock.taken) return lock;
    if (!said) say(`Process ${lock.pid} is installing or building here; waiting for it`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function install() {
  if (isInstalled(root)) return;
  say('Installing dependencies (npm ci); about a minute the first time');
  const { ok, output } = await runStep({
    ...installCommand(process.env),
    title: 'installing dependencies',
    cwd: root,
    logFile: path.join(logFolder, 'npm-ci.log'),
  });
  if (!ok) fail(`Installing dependencies failed:\n\n${output}`);
  stampInstall(root);
  say('Dependencies are installed');
}

async function build(typesMustBeRight) {
  const sources = listSources(root);
  const plan = planBuild(root, sources);
  removeVanished(root, plan);
  if (plan.compile) await compile(sources, typesMustBeRight);
  if (plan.bundle && sources['worker/bundle.ts'] !== undefined) await bundle(sources);
}

async function compile(sources, typesMustBeRight) {
  say('Compiling TypeScript');
  const { ok, output } = await runStep({
    title: 'compiling',
    command: process.execPath,
    args: [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    cwd: root,
    logFile: path.join(logFolder, 'tsc.log'),
  });
  if (ok) stampBuild(root, { sources });
  else if (typesMustBeRight) fail(`Compiling failed:\n\n${output}`);
  else say(`TypeScript reports errors; running all the same. See them with: npm run check\n${output}`);
}

async function bundle(sources) {
  say('Bundling workflows');
  const { ok, output } = await runStep({
    title: 'bundling workflows',
    command: process.execPath,
    args: [path.join(root, 'dist', 'worker', 'bundle.js')],
    cwd: root,
    logFile: path.join(logFolder, 'bundle.log'),
  });
  if (!ok) fail(`Bundling the workflows failed:\n\n${output}`);
  stampBuild(root, { bundled: sources });
}

/** Runs a compiled program as this process's main module: no process in between that signals would have to pass. */
function become(program, programArgs) {
  const file = path.join(root, 'dist', `${program}.js`);
  process.argv = [process.argv[0], file, ...programArgs];
  process.setSourceMapsEnabled(true);
  Module.runMain();
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
