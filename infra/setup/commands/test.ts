import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths';
import { retireGuard } from '../processes/guard';
import { Interrupted, listenForInterrupts } from '../processes/interrupts';
import { say } from '../say';
import { removeDataDirectory } from '../servers/postgres-place';
import { startServers } from '../servers/servers';
import { runJest } from './jest-run';
import { exitCodeOf, failedFiles, summarize, summarizeRechecked, type TestSummary } from './test-summary';

const PREFIX = 'test-';

/** Runs files in which something failed once more, one after the other. What fails then has failed; what does not is named. */
const RECHECK = '--recheck';
/** When more files than this failed it was not chance. */
const MOST_RECHECKED = 6;

/** Runs jest against its own servers, whose data are removed at the end. Resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const jestArgs = args.filter((arg) => arg !== RECHECK);
  const signal = listenForInterrupts(say);
  const folder = path.join(projectRoot, '.waybill');
  const dataDir = path.join(folder, `${PREFIX}${process.pid}`);
  removeLeftovers(folder);
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  let code: number;
  let summary: TestSummary;
  try {
    const servers = await startServers({ dataDir, temporalUi: false, persistent: false, log: say, signal });
    const run = async (name: string, more: readonly string[]) => {
      const file = path.join(dataDir, name);
      const exitCode = await runJest(more, file, servers.env, signal);
      return { exitCode, json: existsSync(file) ? readFileSync(file, 'utf8') : undefined };
    };
    try {
      const first = await run('results.json', jestArgs);
      code = first.exitCode;
      summary = summarize(first.json);
      const failed = failedFiles(first.json);
      if (args.includes(RECHECK) && failed.length > 0 && failed.length <= MOST_RECHECKED) {
        process.stdout.write(`\nOnce more, one after the other: ${failed.join(', ')}\n`);
        const second = await run('results-again.json', ['--runInBand', '--runTestsByPath', ...failed]);
        code = second.exitCode;
        const rechecked = summarizeRechecked(first.json, second.json);
        summary = rechecked;
        for (const test of rechecked.unstable) process.stdout.write(`UNSTABLE, failed and then passed: ${test}\n`);
      }
    } finally {
      await servers.stop();
    }
  } finally {
    removeDataDirectory(dataDir);
    await retireGuard();
  }
  process.stdout.write(`${summary.passed} passed, ${summary.failed} failed\n`);
  return exitCodeOf(summary, code);
}

/** Data of runs that were killed before they could remove them. */
function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) removeDataDirectory(path.join(folder, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

// A process that ends before it has a result has not succeeded.
process.exitCode = 1;
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof Interrupted) process.exitCode = error.exitCode;
    else {
      process.stderr.write(`\nThe tests could not be run. ${error instanceof Error ? error.message : error}\n`);
      process.stdout.write('0 passed, 1 failed\n');
      process.exitCode = 1;
    }
  },
);
