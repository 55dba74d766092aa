import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { guard, unguard } from '../../infra/setup/processes/guard';
import { waitFor } from '../../infra/setup/processes/wait';

const ROOT = path.resolve(__dirname, '..', '..');

/** One of the commands of the set-up, run as a user would, in a process group of its own. */
export interface SetupRun {
  pid: number;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it has printed this, `times` times. @throws when it ends before, or takes longer than 90 s */
  printed(text: string, times?: number): Promise<void>;
  /** Sends a signal to the whole group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
  /** Resolves when it has ended, with its exit code; null if a signal ended it. */
  ended: Promise<number | null>;
}

/** Runs `node infra/setup/bootstrap.mjs …` with no server named in its environment. */
export function runSetup(args: readonly string[], env: Record<string, string>): SetupRun {
  return run(process.execPath, [path.join(ROOT, 'infra', 'setup', 'bootstrap.mjs'), ...args], env);
}

/** Runs `npm …`; `pid` is npm's. */
export function runNpm(args: readonly string[], env: Record<string, string>): SetupRun {
  return run('npm', args, env);
}

function run(command: string, args: readonly string[], env: Record<string, string>): SetupRun {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DATABASE_URL|REDIS_URL|TEMPORAL_|WAYBILL_)/.test(name),
  );
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the set-up could not be started');
  guard(pid, 'SIGTERM');
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  let over = false;
  const ended = endOf(child).finally(() => {
    over = true;
    unguard(pid);
  });
  return {
    pid,
    stdout,
    stderr,
    ended,
    printed: async (text, times = 1) => {
      const look = async () => {
        if (stdout().split(text).length > times) return true;
        return over ? false : undefined;
      };
      if (await waitFor(look, { withinMs: 90_000 })) return;
      throw new Error(`it has not printed "${text}":\n${stdout()}\n${stderr()}`);
    },
    signalGroup: (signal) => process.kill(-pid, signal),
  };
}

/** The processes related to a data directory by arguments, environment or working directory; a line each. */
export function processesOf(dataDir: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => ({ pid, text: ['cmdline', 'environ'].map((file) => readProc(pid, file)).join('') + workingDir(pid) }))
    .filter(({ text }) => text.includes(dataDir))
    .map(({ pid, text }) => `${pid} ${text.slice(0, 300)}`);
}

/** Resolves when no process of that data directory is left, or at the deadline, with those still left. */
export async function leftAfter(dataDir: string, withinMs: number): Promise<string[]> {
  await waitFor(async () => (processesOf(dataDir).length === 0 ? true : undefined), { withinMs, everyMs: 100 });
  return processesOf(dataDir);
}

/** The pid of the process whose arguments contain this. */
export function findProcess(dataDir: string, argument: string): number {
  const line = processesOf(dataDir).find((each) => each.includes(argument));
  if (line === undefined) throw new Error(`no process with ${argument}`);
  return Number(line.split(' ', 1)[0]);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  return () => text;
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function workingDir(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
