import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { TimedOut, withTimeout } from '../../../core/timeout';
import type { Account } from './account';
import { guard, unguard } from './guard';
import { listensOn } from './listener';
import { waitFor } from './wait';

export interface ProcessOptions {
  /** Its name in messages, such as `Postgres`. */
  name: string;
  command: string;
  args: readonly string[];
  /** The name the program sees itself under, where that differs from its file's. */
  argv0?: string;
  /** The whole environment: nothing else is inherited. */
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Another account to run as; needs root. */
  account?: Account | undefined;
  /** Written to its standard input, which is then closed. */
  input?: string;
  /** Where its output goes; the previous run's is kept beside it with `.1` appended. */
  logFile: string;
  /** Asked every 50 ms after the start until it is true. */
  ready(): Promise<boolean>;
  /** The TCP port that it must hold itself to be ready: another program that was faster may be answering there. */
  port?: number | undefined;
  /** Milliseconds until it must be ready. */
  readyWithinMs: number;
  /** The signals that ask it to stop, one after the other, each given `stopWithinMs`; finally SIGKILL. */
  stopSignals: readonly [NodeJS.Signals, ...NodeJS.Signals[]];
  stopWithinMs: number;
  /** Also given each line of its standard output. */
  onLine?: ((line: string) => void) | undefined;
}

/** A process did not start, or ended without being asked to. The message ends with its last lines of output. */
export class ProcessError extends Error {
  override name = 'ProcessError';

  /**
   * @param program - its name, such as `Worker`
   * @param what - what happened, such as `ended unexpectedly (SIGKILL)`
   * @param logFile - where its output is
   * @param details - further sentences, such as its last lines
   */
  constructor(
    readonly program: string,
    readonly what: string,
    readonly logFile: string,
    details: string,
  ) {
    super(`${program} ${what}. ${details}`);
  }
}

/** How a process ended. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Running {
  child: ChildProcess;
  pid: number;
  exited: Promise<Exit>;
  /** Set when it is meant to end; an exit without it is reported. */
  wanted: boolean;
}

const alive = new Set<ManagedProcess>();

/** Kills every running {@link ManagedProcess} of this process at once, without a chance to tidy up. */
export function killAll(): void {
  for (const managed of alive) managed.signal('SIGKILL');
}

/**
 * One child process in its own process group, so that Ctrl-C in the terminal reaches only us and we stop things in
 * order; output in a log file; ready or failed by a deadline; stopped with escalation; can be killed and restarted on
 * the same data. Node's own spawn, for the reasons given in run-command.ts.
 */
export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  /** Called when it ends without being asked to. */
  onUnexpectedExit: ((error: ProcessError) => void) | undefined;
  readonly #options: ProcessOptions;
  #running: Running | undefined;
  #startedBefore = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.logFile = options.logFile;
  }

  /** `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /**
   * Resolves when it is ready. If it does not become ready, nothing of it is left behind.
   *
   * @throws ProcessError when it ends or is not ready by the deadline
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running !== undefined) throw new Error(`${this.name} runs already`);
    const running = await this.#spawn();
    const look = async () => {
      if (!this.#is(running)) return 'ended';
      return (await this.#options.ready()) && this.#holdsPort(running) ? 'ready' : undefined;
    };
    let state: string | undefined;
    running.wanted = true;
    try {
      state = await waitFor(look, { withinMs: this.#options.readyWithinMs, signal });
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (state === 'ready' && this.#is(running)) {
      running.wanted = false;
      return;
    }
    const seconds = Math.round(this.#options.readyWithinMs / 1000);
    const why = state === undefined ? `was not ready within ${seconds} s` : `ended at start (${await ending(running)})`;
    await this.stop();
    throw this.#error(why);
  }

  /** Stops it: asks, asks harder, kills. Resolves when it is gone; at once if it does not run. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.wanted = true;
    for (const signal of this.#options.stopSignals) {
      this.signal(signal);
      if (await within(running.exited, this.#options.stopWithinMs)) return;
    }
    this.signal('SIGKILL');
    await running.exited;
  }

  /**
   * For fault tests. Resolves when it is gone, or at once for signals that do not end a process (SIGSTOP, SIGCONT).
   *
   * @throws ProcessError when the signal should have ended it and did not within 30 s
   */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      this.signal(signal);
      return;
    }
    running.wanted = true;
    this.signal(signal);
    if (!(await within(running.exited, 30_000))) throw this.#error(`did not end within 30 s of ${signal}`);
  }

  /** Stops it if it runs, and starts it with the same arguments, port and data. Otherwise as {@link start}. */
  async restart(signal?: AbortSignal): Promise<void> {
    await this.stop();
    await this.start(signal);
  }

  /** Sends a signal to its whole group, if it runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.#running !== undefined) killGroup(this.#running.pid, signal);
  }

  /** The last lines of its output. */
  tail(lines = 20): string {
    try {
      return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '';
    }
  }

  #holdsPort({ pid }: Running): boolean {
    const { port } = this.#options;
    return port === undefined || listensOn(pid, port);
  }

  #is(running: Running): boolean {
    return this.#running === running;
  }

  async #spawn(): Promise<Running> {
    const { command, args, argv0, env, cwd, account, input, onLine } = this.#options;
    const log = this.#openLog();
    const child = spawn(command, args, {
      ...(argv0 === undefined ? {} : { argv0 }),
      ...account,
      env,
      cwd,
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', onLine === undefined ? log : 'pipe', log],
    });
    const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const failed = await new Promise<Error | undefined>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', resolve);
    });
    const pid = child.pid;
    if (failed !== undefined || pid === undefined) {
      closeSync(log);
      throw new ProcessError(
        this.name,
        'could not be started',
        this.logFile,
        failed?.message ?? 'There is no process.',
      );
    }
    if (child.stdin !== null) child.stdin.on('error', () => {}).end(input);
    if (child.stdout === null) closeSync(log);
    else this.#passLines(child.stdout, log);
    const running: Running = { child, pid, exited, wanted: false };
    this.#running = running;
    alive.add(this);
    guard(pid, this.#options.stopSignals[0]);
    void exited.then((exit) => this.#ended(running, exit));
    return running;
  }

  #ended(running: Running, exit: Exit): void {
    this.#running = undefined;
    alive.delete(this);
    unguard(running.pid);
    killGroup(running.pid, 'SIGKILL'); // what it may have left behind
    if (!running.wanted) this.onUnexpectedExit?.(this.#error(`ended unexpectedly (${describe(exit)})`));
  }

  #passLines(stdout: NodeJS.ReadableStream, log: number): void {
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => {
      writeSync(log, `${line}\n`);
      this.#options.onLine?.(line);
    });
    lines.on('close', () => closeSync(log));
  }

  #openLog(): number {
    mkdirSync(path.dirname(this.logFile), { recursive: true });
    if (!this.#startedBefore && existsSync(this.logFile)) renameSync(this.logFile, `${this.logFile}.1`);
    this.#startedBefore = true;
    return openSync(this.logFile, 'a');
  }

  #error(what: string): ProcessError {
    const output = this.tail();
    const last = output === '' ? 'It wrote nothing.' : `Its last lines, from ${this.logFile}:\n\n${indent(output)}\n`;
    return new ProcessError(this.name, what, this.logFile, last);
  }
}

function killGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // No process is left in it.
  }
}

async function ending(running: Running): Promise<string> {
  return describe(await running.exited);
}

function describe(exit: Exit): string {
  return exit.signal ?? `code ${exit.code}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** Whether `promise` resolves in time. */
function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return withTimeout(promise, ms).then(
    () => true,
    (error: unknown) => {
      if (error instanceof TimedOut) return false;
      throw error;
    },
  );
}
