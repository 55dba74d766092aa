import { get } from 'node:http';
import path from 'node:path';
import { projectRoot } from '../paths';
import { ManagedProcess } from './managed-process';

export interface NodeProcessOptions {
  /** The folder for its log, `<name in lower case>.log`. */
  logFolder: string;
  /** A URL of its own, with its port, that answers 200 when it is ready; without one, it is ready once it runs. */
  readyUrl?: string;
  /** Milliseconds until it must be ready; default 60,000. */
  readyWithinMs?: number;
  /** Milliseconds it has to end after SIGTERM; default 20,000. */
  stopWithinMs?: number;
  args?: readonly string[];
  /** Node's own options. */
  nodeArgs?: readonly string[];
  /** Also given each line of its standard output. */
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Starts one of our compiled programs as a child.
 *
 * @param name - its name in messages, such as `API`
 * @param file - relative to the clone, such as `dist/api/main.js`
 * @param env - added to our own environment
 * @returns when it is ready
 * @throws ProcessError when it ends or is not ready by the deadline
 */
export async function spawnNodeProcess(
  name: string,
  file: string,
  env: NodeJS.ProcessEnv,
  options: NodeProcessOptions,
): Promise<ManagedProcess> {
  const {
    logFolder,
    readyUrl,
    readyWithinMs = 60_000,
    stopWithinMs = 20_000,
    args = [],
    nodeArgs = [],
    onLine,
    signal,
  } = options;
  const managed = new ManagedProcess({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', ...nodeArgs, path.resolve(projectRoot, file), ...args],
    env: { ...process.env, ...env },
    cwd: projectRoot,
    logFile: path.join(logFolder, `${name.toLowerCase()}.log`),
    ready: async () => readyUrl === undefined || (await isReady(readyUrl)),
    port: readyUrl === undefined ? undefined : Number(new URL(readyUrl).port),
    readyWithinMs,
    stopSignals: ['SIGTERM'],
    stopWithinMs,
    onLine,
  });
  await managed.start(signal);
  return managed;
}

/** Over a new connection: a kept one could lead to a program that had the port before. */
function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(5_000) }, (response) => {
      resolve(response.statusCode === 200);
      request.destroy();
    });
    request.once('error', () => resolve(false));
  });
}
