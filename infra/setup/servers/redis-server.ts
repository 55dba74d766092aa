import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { ManagedProcess } from '../processes/managed-process';
import { onFreePorts } from '../processes/ports';
import { runCommand } from '../processes/run-command';
import { findProgram } from './find-program';
import { choosePort, externalServer, ownedServer, type Server, type ServerOptions, serverEnvironment } from './server';

const HOST = '127.0.0.1';
const PROGRAMS = ['redis-server', 'valkey-server'];
/**
 * Debian's redis-tools holds the server's program under this name; it behaves according to the name it runs under. The
 * package redis-server would add a system service, started at once, that nobody asked for.
 */
const DEBIAN_PACKAGE = 'redis-tools';
const DEBIAN_PROGRAM = 'redis-check-rdb';
const APT_WITHIN_MS = 120_000;

/** Where to get a Redis. */
export type RedisChoice =
  | { kind: 'given'; url: string }
  | { kind: 'program'; file: string; argv0: string }
  | { kind: 'install' }
  | { kind: 'none' };

/** The first that works: `REDIS_URL`, a program on PATH, Debian's package if we are root there. */
export function chooseRedis(found: {
  url: string | undefined;
  find(program: string): string | undefined;
  isDebianRoot: boolean;
}): RedisChoice {
  if (found.url) return { kind: 'given', url: found.url };
  for (const name of PROGRAMS) {
    const file = found.find(name);
    if (file !== undefined) return { kind: 'program', file, argv0: name };
  }
  const debian = found.find(DEBIAN_PROGRAM);
  if (debian !== undefined) return { kind: 'program', file: debian, argv0: 'redis-server' };
  return { kind: found.isDebianRoot ? 'install' : 'none' };
}

/** The Redis that `REDIS_URL` names, or our own; `undefined`, and logged, if none is available. */
export async function startRedis(options: ServerOptions): Promise<Server | undefined> {
  const look = (isDebianRoot: boolean) =>
    chooseRedis({
      url: options.env.REDIS_URL,
      find: (program) => findProgram(program, options.env.PATH),
      isDebianRoot,
    });
  let choice = look(process.getuid?.() === 0 && existsSync('/usr/bin/apt-get'));
  if (choice.kind === 'install') {
    await install(options);
    choice = look(false);
  }
  switch (choice.kind) {
    case 'given':
      return externalServer('Redis', choice.url);
    case 'program':
      return await startOwn(choice.file, choice.argv0, options);
    case 'install':
    case 'none':
      options.log('No Redis here: caches live in each process and in Postgres only');
      options.log('  (to have one, install redis-server or valkey-server, or set REDIS_URL)');
      return undefined;
  }
}

async function startOwn(file: string, argv0: string, options: ServerOptions): Promise<Server> {
  const password = randomBytes(24).toString('base64url');
  const choose = async () => ({ port: await choosePort('Redis', options.port, options.log) });
  return await onFreePorts(choose, async ({ port }) => {
    const managed = new ManagedProcess({
      name: 'Redis',
      command: file,
      argv0,
      // The configuration goes through standard input: everybody could see a password in the arguments.
      args: ['-'],
      input: configuration(port, password, options.dataDir),
      env: serverEnvironment(options.env),
      cwd: options.dataDir,
      logFile: path.join(options.logFolder, 'redis.log'),
      ready: () => answers(port, password),
      port,
      readyWithinMs: 20_000,
      stopSignals: ['SIGTERM'],
      stopWithinMs: 5_000,
    });
    await managed.start(options.signal);
    return ownedServer(`Redis on ${HOST}:${port}`, `redis://:${password}@${HOST}:${port}`, managed);
  });
}

/** A cache only: nothing is written to disk. */
function configuration(port: number, password: string, dataDir: string): string {
  const lines = [`bind ${HOST}`, `port ${port}`, `requirepass ${password}`, `dir ${JSON.stringify(dataDir)}`];
  return [...lines, 'save ""', 'appendonly no', 'maxmemory 256mb', 'maxmemory-policy allkeys-lru', ''].join('\n');
}

function answers(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: HOST, port });
    let reply = '';
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('connect', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on('data', (chunk) => {
      reply += chunk.toString();
      if (reply.includes('PONG') || reply.startsWith('-')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(reply.includes('PONG')));
  });
}

/** A failure only means having no Redis. */
async function install(options: ServerOptions): Promise<void> {
  options.log(`Installing Redis (apt-get install ${DEBIAN_PACKAGE}), once`);
  const quick = [
    '-q',
    '-y',
    '-o',
    'Acquire::Retries=1',
    '-o',
    'Acquire::http::Timeout=20',
    '-o',
    'DPkg::Lock::Timeout=20',
  ];
  const how = {
    env: { ...options.env, DEBIAN_FRONTEND: 'noninteractive' },
    cwd: '/',
    withinMs: APT_WITHIN_MS,
    signal: options.signal,
  };
  try {
    await runCommand('apt-get', [...quick, 'update'], how);
    await runCommand('apt-get', [...quick, 'install', '--no-install-recommends', DEBIAN_PACKAGE], how);
  } catch (error) {
    options.signal?.throwIfAborted();
    options.log(`  that did not work: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`);
  }
}
