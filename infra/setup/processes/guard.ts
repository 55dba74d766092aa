import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { projectRoot } from '../paths';

interface Reaper {
  child: ChildProcess;
  exited: Promise<void>;
}

let reaper: Reaper | undefined;
const guarded = new Set<number>();

/**
 * Has a process (and its group, which it must lead) ended if this one is killed without a chance to do so itself.
 *
 * @param signal - sent first; after 5 s it is killed
 */
export function guard(pid: number, signal: NodeJS.Signals): void {
  guarded.add(pid);
  reaper ??= startReaper();
  reaper.child.stdin?.write(`+ ${pid} ${startedAt(pid) ?? '-'} ${signal}\n`);
}

/** Call when a guarded process has ended: its pid may be reused. */
export function unguard(pid: number): void {
  guarded.delete(pid);
  reaper?.child.stdin?.write(`- ${pid}\n`);
}

/** Ends the guard itself, if nothing is guarded. Resolves when it is gone. */
export async function retireGuard(): Promise<void> {
  if (reaper === undefined || guarded.size > 0) return;
  const { child, exited } = reaper;
  reaper = undefined;
  child.ref();
  child.stdin?.end();
  await exited;
}

/** Its input ends when this process does, however that happens. Nothing here waits for it. */
function startReaper(): Reaper {
  const file = path.join(projectRoot, 'infra', 'setup', 'bootstrap', 'reaper.cjs');
  const child = spawn(process.execPath, [file], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  child.stdin?.on('error', () => {});
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return { child, exited };
}

/** When a process started, in ticks since boot, where /proc says: pid and start time together identify a process. */
function startedAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
