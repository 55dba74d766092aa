import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths';
import { guard, unguard } from '../processes/guard';
import { waitFor } from '../processes/wait';

/** How long jest may take to end after its results are written; a test that leaves something open keeps it running. */
const END_WITHIN_MS = 30_000;
/** How long processes that jest has started may take to end when asked. */
const TIDY_WITHIN_MS = 20_000;

/**
 * Runs jest in a process group of its own, so that whatever its tests leave behind can be ended too. Node's own spawn,
 * as in run-command.ts.
 *
 * @param resultsFile - where it writes its results as JSON
 * @param env - added to our own environment
 * @returns its exit code; 1 if it had to be killed
 * @throws the signal's reason when aborted
 */
export async function runJest(
  args: readonly string[],
  resultsFile: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const jest = path.join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, '--json', '--outputFile', resultsFile, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    detached: true,
    stdio: 'inherit',
  });
  const { pid } = child;
  const exited = exitOf(child);
  if (pid === undefined) return await exited;
  guard(pid, 'SIGTERM');
  let code: number | undefined;
  void exited.then((value) => {
    code = value;
  });
  try {
    await waitFor(async () => code ?? (existsSync(resultsFile) ? 0 : undefined), { withinMs: Infinity, signal });
    code ??= await waitFor(async () => code, { withinMs: END_WITHIN_MS, signal });
    if (code !== undefined) return code;
    process.stderr.write(
      `Jest has not ended ${END_WITHIN_MS / 1000} s after its last test: a test left something open\n`,
    );
    return 1;
  } finally {
    await endGroup(pid);
    unguard(pid);
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Ends what is left in the group; asks first, since a set-up among them has servers to stop. */
async function endGroup(leader: number): Promise<void> {
  if (!signalGroup(leader, 'SIGTERM')) return;
  const gone = await waitFor(async () => (signalGroup(leader, 0) ? undefined : true), { withinMs: TIDY_WITHIN_MS });
  if (gone === undefined) signalGroup(leader, 'SIGKILL');
}

/** Whether any process was there to get the signal. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}
