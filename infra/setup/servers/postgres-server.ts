import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { codeOf } from '../../../core/error-code';
import { ManagedProcess, ProcessError } from '../processes/managed-process';
import { onFreePorts } from '../processes/ports';
import { runCommand } from '../processes/run-command';
import { waitFor } from '../processes/wait';
import { findPostgresPlace, type PostgresPlace } from './postgres-place';
import { choosePort, externalServer, ownedServer, type Server, type ServerOptions, serverEnvironment } from './server';

const HOST = '127.0.0.1';
const USER = 'waybill';
const DATABASE = 'waybill';
/** fsync stays on: what was acknowledged must survive, here as anywhere. */
const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '300',
  shared_buffers: '256MB',
  fsync: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  shared_preload_libraries: 'pg_stat_statements',
};
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/** The Postgres that `DATABASE_URL` names, or our own from npm's binaries; its database is created if it is missing. */
export async function startPostgres(options: ServerOptions): Promise<Server> {
  const given = options.env.DATABASE_URL;
  const server = given ? externalServer('Postgres', given) : await startOwn(options);
  try {
    await createDatabase(server.address, options.signal);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startOwn(options: ServerOptions): Promise<Server> {
  const place = findPostgresPlace(options.dataDir);
  const password = await initialize(place, options);
  const choose = async () => ({ port: await choosePort('Postgres', options.port, options.log) });
  return await onFreePorts(choose, async ({ port }) => {
    const address = `postgres://${USER}:${password}@${HOST}:${port}/${DATABASE}`;
    const managed = postgresProcess(place, address, port, options);
    await startAfterCrash(managed, options.signal);
    return ownedServer(`Postgres on ${HOST}:${port}`, address, managed, async (signal) => {
      await managed.stop();
      await startAfterCrash(managed, signal);
    });
  });
}

function postgresProcess(place: PostgresPlace, address: string, port: number, options: ServerOptions): ManagedProcess {
  const settings = Object.entries({ ...SETTINGS, port: String(port) });
  return new ManagedProcess({
    name: 'Postgres',
    command: path.join(place.programs, 'bin', 'postgres'),
    args: ['-D', path.join(place.home, 'data'), ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: serverEnvironment(options.env),
    cwd: path.join(place.home, 'data'),
    account: place.account,
    logFile: path.join(options.logFolder, 'postgres.log'),
    ready: () => answers(address),
    port,
    readyWithinMs: READY_WITHIN_MS,
    // In Postgres' terms: "fast" ends connections, "immediate" leaves recovery to the next start.
    stopSignals: ['SIGINT', 'SIGQUIT'],
    stopWithinMs: STOP_WITHIN_MS,
  });
}

/** After a kill -9 the processes of the killed server take a moment to notice; until then a new one refuses to start. */
async function startAfterCrash(managed: ManagedProcess, signal: AbortSignal | undefined): Promise<void> {
  let last: unknown;
  const started = await waitFor(
    async () => {
      try {
        await managed.start(signal);
        return true;
      } catch (error) {
        last = error;
        if (error instanceof ProcessError && /shared memory block|postmaster\.pid/.test(error.message))
          return undefined;
        throw error;
      }
    },
    { withinMs: 20_000, everyMs: 250, signal },
  );
  if (started === undefined) throw last;
}

/** Creates the data directory if there is none. Returns the superuser's password. */
async function initialize(place: PostgresPlace, options: ServerOptions): Promise<string> {
  const data = path.join(place.home, 'data');
  const passwordFile = path.join(place.home, 'password');
  if (fs.existsSync(data)) return fs.readFileSync(passwordFile, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  fs.writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  // Renamed when it is done, so that an interrupted one is never taken for a database.
  const draft = `${data}.${process.pid}`;
  const draftPassword = `${passwordFile}.${process.pid}`;
  fs.mkdirSync(draft, { mode: 0o700 });
  fs.writeFileSync(draftPassword, `${password}\n`, { mode: 0o600 });
  if (place.account !== undefined) {
    fs.chownSync(draft, place.account.uid, place.account.gid);
    fs.chownSync(draftPassword, place.account.uid, place.account.gid);
  }
  try {
    const how = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin'];
    const args = [...how, '--builtin-locale=C.UTF-8', `--username=${USER}`, `--pwfile=${draftPassword}`, '-D', draft];
    await runCommand(path.join(place.programs, 'bin', 'initdb'), args, {
      env: serverEnvironment(options.env),
      cwd: draft,
      account: place.account,
      withinMs: 120_000,
      signal: options.signal,
    });
    fs.renameSync(draft, data);
  } finally {
    fs.rmSync(draftPassword, { force: true });
    fs.rmSync(draft, { recursive: true, force: true });
  }
  return password;
}

/** Whether it takes connections. False while it starts; throws when it refuses for good, as with a wrong password. */
async function answers(address: string): Promise<boolean> {
  const client = new Client({ connectionString: onDatabase(address, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    if (codeOf(error) === '28P01') throw error;
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Creates the database that the address names, unless it is there. */
async function createDatabase(address: string, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (await connects(address)) return;
  const name = decodeURIComponent(new URL(address).pathname.slice(1));
  const client = new Client({ connectionString: onDatabase(address, 'postgres'), connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    if (codeOf(error) !== '42P04') throw error;
  } finally {
    await client.end();
  }
}

/** Whether the named database is there; throws when the server cannot be reached or refuses for another reason. */
async function connects(address: string): Promise<boolean> {
  const client = new Client({ connectionString: address, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (codeOf(error) === '3D000') return false;
    const { host } = new URL(address);
    throw new Error(`Postgres at ${host} cannot be used: ${reason(error)}`, { cause: error });
  } finally {
    await client.end().catch(() => {});
  }
}

function onDatabase(address: string, name: string): string {
  const url = new URL(address);
  url.pathname = `/${name}`;
  return url.href;
}

/** Node's error for several refused addresses has a code and no message. */
function reason(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error);
}
