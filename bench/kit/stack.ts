import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Pool } from 'pg';
import pino from 'pino';
import { newApiKey } from '../../domains/accounts/api-key-format';
import { migrate } from '../../infra/postgres/migrate';
import { type ApiClient, createApiClient } from '../../infra/setup/commands/api-client';
import { API_NODE_ARGS } from '../../infra/setup/commands/programs';
import { retireGuard } from '../../infra/setup/processes/guard';
import type { ManagedProcess, ProcessError } from '../../infra/setup/processes/managed-process';
import { type NodeProcessOptions, spawnNodeProcess } from '../../infra/setup/processes/node-process';
import { freePort } from '../../infra/setup/processes/ports';
import { removeDataDirectory } from '../../infra/setup/servers/postgres-place';
import { type Servers, startServers } from '../../infra/setup/servers/servers';
import { makeDataDirectory } from './data-directory';
import { createOpenWork, type OpenWork } from './open-work';
import { progress } from './progress';
import { ReceiverClient } from './receiver-client';

export interface StackOptions {
  /** Further environment variables for API and worker. */
  env?: Record<string, string>;
  /** The compiled program that is the API, relative to the clone. */
  apiProgram?: string;
  /** Told of each process that ends without being asked to. */
  onDeath?(error: ProcessError): void;
  signal: AbortSignal;
}

/** Everything that a run needs, each in its own process, with its own data. */
export interface Stack {
  dataDir: string;
  servers: Servers;
  api: ManagedProcess;
  worker: ManagedProcess;
  receiver: ReceiverClient;
  receiverProcess: ManagedProcess;
  apiPort: number;
  adminKey: string;
  /** The REST API, called as administrator. */
  client: ApiClient;
  /** The REST API, called with another key. */
  clientOf(key: string): ApiClient;
  /** A few connections of the run's own to Waybill's database. */
  pool: Pool;
  open: OpenWork;
  /** Starts one more of our programs; it is stopped with the others. */
  spawn(name: string, file: string, env: Record<string, string>, readyUrl: string): Promise<ManagedProcess>;
  /** Stops everything. Data and logs are removed unless `keepData`. */
  stop(keepData: boolean): Promise<void>;
}

const STOP_WITHIN_MS = 30_000;

/**
 * Brings up Postgres (with fsync), Redis, Temporal, API, worker and receiver on free ports of this machine.
 *
 * @throws Error saying which of them did not come up; nothing is left running then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { env = {}, apiProgram = 'dist/api/main.js', onDeath = () => {}, signal } = options;
  const dataDir = makeDataDirectory();
  const programs: ManagedProcess[] = [];
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (keepData: boolean) => {
    await Promise.all(programs.map((program) => program.stop()));
    await Promise.allSettled(closers.map((close) => close()));
    await retireGuard();
    if (keepData) progress(`logs and data are kept in ${dataDir}`);
    else removeDataDirectory(dataDir);
  };
  try {
    // Servers that the environment names are not ours to load and to kill.
    const ownServers = { ...process.env, DATABASE_URL: '', REDIS_URL: '', TEMPORAL_ADDRESS: '' };
    const servers = await startServers({ dataDir, temporalUi: false, log: progress, env: ownServers, signal });
    closers.push(() => servers.stop());
    for (const server of [servers.postgres, servers.redis, servers.temporal]) server?.onUnexpectedExit(onDeath);
    await migrate(servers.postgres.address, pino({ level: 'silent' }));

    const [apiPort, apiMetricsPort, workerPort, metricsPort, receiverPort, secondPort] = await freePorts();
    const adminKey = newApiKey().text;
    const common = {
      REDIS_URL: '',
      ...servers.env,
      WAYBILL_KEYS: `bench:${randomBytes(32).toString('base64')}`,
      WAYBILL_ADMIN_KEY: adminKey,
      WAYBILL_HOST: '127.0.0.1',
      WAYBILL_PORT: String(apiPort),
      WAYBILL_METRICS_PORT: String(apiMetricsPort),
      WAYBILL_WORKER_PORT: String(workerPort),
      WAYBILL_TEMPORAL_METRICS_PORT: String(metricsPort),
      WAYBILL_ALLOW_HTTP: 'true',
      WAYBILL_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8',
      WAYBILL_LOG_LEVEL: 'warn',
      WAYBILL_RATE_LIMIT_PER_SECOND: '1000000',
      ...env,
    };
    const how: NodeProcessOptions = { logFolder: path.join(dataDir, 'log'), stopWithinMs: STOP_WITHIN_MS, signal };
    const spawn: Stack['spawn'] = async (name, file, own, readyUrl) => {
      const nodeArgs = file === apiProgram ? API_NODE_ARGS : [];
      const program = await spawnNodeProcess(name, file, own, { ...how, readyUrl, nodeArgs });
      program.onUnexpectedExit = onDeath;
      programs.push(program);
      return program;
    };
    const receiverEnv = { BENCH_RECEIVER_PORT: String(receiverPort), BENCH_RECEIVER_SECOND_PORT: String(secondPort) };
    const started = await Promise.allSettled([
      spawn('API', apiProgram, common, `http://127.0.0.1:${apiPort}/readyz`),
      spawn('Worker', 'dist/worker/main.js', common, `http://127.0.0.1:${workerPort}/readyz`),
      spawn('Receiver', 'dist/bench/kit/receiver.js', receiverEnv, `http://127.0.0.1:${receiverPort}/`),
    ]);
    const [api, worker, receiverProcess] = started.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    }) as [ManagedProcess, ManagedProcess, ManagedProcess];

    const pool = new Pool({ connectionString: servers.postgres.address, max: 4, connectionTimeoutMillis: 3_000 });
    pool.on('error', () => {});
    closers.unshift(() => pool.end());
    const open = createOpenWork(pool, servers.temporal.address);
    closers.unshift(() => open.close());
    const clientOf = (key: string) => createApiClient(`http://127.0.0.1:${apiPort}`, key, signal);
    progress('API, worker and receiver are ready');
    return {
      dataDir,
      servers,
      api,
      worker,
      receiver: new ReceiverClient(receiverPort, secondPort),
      receiverProcess,
      apiPort,
      adminKey,
      client: clientOf(adminKey),
      clientOf,
      pool,
      open,
      spawn,
      stop,
    };
  } catch (error) {
    await stop(false);
    throw error;
  }
}

async function freePorts(): Promise<[number, number, number, number, number, number]> {
  const ports = new Set<number>();
  while (ports.size < 6) ports.add(await freePort());
  return [...ports] as [number, number, number, number, number, number];
}
