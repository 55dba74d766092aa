import type { ManagedProcess, ProcessError } from '../processes/managed-process';
import { freePort, preferPort } from '../processes/ports';

/** A server that the programs here use: one we started, or one that the environment names. */
export interface Server {
  /** What it is and where, for people. */
  readonly description: string;
  /** As its clients expect it: a URL, or `host:port` for Temporal. */
  readonly address: string;
  /** Whether we started it. Only then can it be killed, restarted and stopped. */
  readonly owned: boolean;
  /** `undefined` while it does not run, and for a server that is not ours. */
  readonly pid: number | undefined;
  /**
   * Resolves when it is gone; at once for SIGSTOP and SIGCONT. Its data stay.
   *
   * @throws Error when it is not ours
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Restarts it on the same port and data, stopping it first if it runs. Resolves when it is ready.
   *
   * @param signal - stops it again when aborted
   * @throws Error when it is not ours
   */
  restart(signal?: AbortSignal): Promise<void>;
  /** Stops it if it is ours. */
  stop(): Promise<void>;
  /** Registers a callback for when it ends without being asked to. */
  onUnexpectedExit(report: (error: ProcessError) => void): void;
}

/** A server that somebody else runs. */
export function externalServer(name: string, address: string): Server {
  const refuse = () => Promise.reject(new Error(`${name} at ${withoutPassword(address)} was not started here`));
  return {
    description: `${name} at ${withoutPassword(address)} (from the environment)`,
    address,
    owned: false,
    pid: undefined,
    kill: refuse,
    restart: refuse,
    stop: () => Promise.resolve(),
    onUnexpectedExit: () => {},
  };
}

/**
 * A server that runs as our child.
 *
 * @param restart - where restarting takes more than starting
 */
export function ownedServer(
  description: string,
  address: string,
  managed: ManagedProcess,
  restart = (signal?: AbortSignal) => managed.restart(signal),
): Server {
  return {
    description,
    address,
    owned: true,
    get pid() {
      return managed.pid;
    },
    kill: (signal) => managed.kill(signal),
    restart,
    stop: () => managed.stop(),
    onUnexpectedExit: (report) => {
      managed.onUnexpectedExit = report;
    },
  };
}

/** What starting a server needs to know. */
export interface ServerOptions {
  /** Where its data go. */
  dataDir: string;
  logFolder: string;
  /** The port to take if nothing else has it; otherwise, or if undefined, a free one. */
  port: number | undefined;
  env: NodeJS.ProcessEnv;
  /** Told of steps that take long. */
  log(line: string): void;
  signal: AbortSignal | undefined;
}

/** The port for a server: the preferred one if there is one and it is not in use. */
export function choosePort(name: string, preferred: number | undefined, log: ServerOptions['log']): Promise<number> {
  return preferred === undefined ? freePort() : preferPort(preferred, name, log);
}

/** The part of our environment that a server may need; it gets nothing else. */
export function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: env.PATH, TMPDIR: env.TMPDIR, LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

function withoutPassword(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//');
}
