import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths';
import { retireGuard } from '../processes/guard';
import { Interrupted, listenForInterrupts } from '../processes/interrupts';
import { say } from '../say';
import { removeDataDirectory } from '../servers/postgres-place';
import { startServers } from '../servers/servers';
import { runJest } from './jest-run';
import { exitCodeOf, summarize } from './test-summary';

const PREFIX = 'test-';

/** Runs jest against its own servers, whose data are removed at the end. Resolves to the exit code. */
async function main(jestArgs: readonly string[]): Promise<number> {
  const signal = listenForInterrupts(say);
  const folder = path.join(projectRoot, '.waybill');
  const dataDir = path.join(folder, `${PREFIX}${process.pid}`);
  removeLeftovers(folder);
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  let result: { code: number; json: string | undefined };
  try {
    const servers = await startServers({ dataDir, temporalUi: false, persistent: false, log: say, signal });
    try {
      const file = path.join(dataDir, 'results.json');
      const code = await runJest(jestArgs, file, servers.env, signal);
      result = { code, json: existsSync(file) ? readFileSync(file, 'utf8') : undefined };
    } finally {
      await servers.stop();
    }
  } finally {
    removeDataDirectory(dataDir);
    await retireGuard();
  }
  const summary = summarize(result.json);
  process.stdout.write(`${summary.passed} passed, ${summary.failed} failed\n`);
  return exitCodeOf(summary, result.code);
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
