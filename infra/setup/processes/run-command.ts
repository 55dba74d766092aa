import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Account } from './account';
import { guard, unguard } from './guard';

export interface CommandOptions {
  env: NodeJS.ProcessEnv;
  cwd: string;
  account?: Account | undefined;
  /** Killed, and failed, after this many milliseconds. */
  withinMs: number;
  /** Killed, and failed, when aborted. */
  signal?: AbortSignal | undefined;
  /** Given each line of output. */
  onLine?: (line: string) => void;
}

/**
 * Runs a command that ends by itself. Not execa: ESM only, it ends the child and not its group, and its clean-up dies with us.
 *
 * @returns its last 20 lines of output
 * @throws Error with them, when it fails, cannot be started or takes too long; the signal's reason when aborted
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { env, cwd, account, withinMs, signal, onLine } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, { ...account, env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = child.pid;
  if (pid !== undefined) guard(pid, 'SIGTERM');
  const tail: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
      onLine?.(line);
    });
  }
  let late = false;
  const kill = () => {
    if (pid !== undefined) killGroup(pid);
  };
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, withinMs);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, by) => resolve(code === 0 ? undefined : `it ended with ${by ?? `code ${code}`}`));
    });
    signal?.throwIfAborted();
    if (failure === undefined) return tail.join('\n');
    const why = late ? `it took longer than ${Math.round(withinMs / 1000)} s` : failure;
    throw new Error(`${command} failed: ${why}\n${tail.join('\n')}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    if (pid !== undefined) unguard(pid);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
