import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { retireGuard } from '../processes/guard';
import { startPostgres } from './postgres-server';
import { startRedis } from './redis-server';
import type { Server, ServerOptions } from './server';
import { startTemporal, type TemporalServer } from './temporal-server';

export interface StartServersOptions {
  /** Folder for the servers' data and logs (in `log/`); made if it is not there. One user of it at a time. */
  dataDir: string;
  /** Whether Temporal serves Web UI. */
  temporalUi: boolean;
  /** Told what is ready, and of steps that take long. */
  log(line: string): void;
  /** Whether Temporal's workflows outlive a restart; default true. Postgres' data always do, Redis' never. */
  persistent?: boolean;
  /** Ports to take where nothing else has them; otherwise free ones. */
  ports?: { postgres: number; redis: number; temporal: number; temporalUi: number };
  /**
   * May name servers to use instead (`DATABASE_URL`, `REDIS_URL`, `TEMPORAL_ADDRESS`). Default: our own environment.
   */
  env?: NodeJS.ProcessEnv;
  /** Aborting it stops what was started so far; the promise then rejects with its reason. */
  signal?: AbortSignal;
}

export interface Servers {
  postgres: Server;
  /** `undefined` if none is available. */
  redis: Server | undefined;
  temporal: TemporalServer;
  /** What API, worker and tests read to find them: `DATABASE_URL`, `REDIS_URL`, `TEMPORAL_ADDRESS`, … */
  env: Record<string, string>;
  /** Stops those that were started here. */
  stop(): Promise<void>;
}

/**
 * Brings up Postgres, Redis and Temporal at the same time: for each, the one that the environment names, else our own.
 *
 * @throws Error saying which failed and why; nothing is left running then
 */
export async function startServers(options: StartServersOptions): Promise<Servers> {
  const { dataDir, temporalUi, log, persistent = true, ports, env = process.env } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const failure = new AbortController();
  const signal = AbortSignal.any(options.signal === undefined ? [failure.signal] : [failure.signal, options.signal]);
  const on = (port: number | undefined): ServerOptions => {
    return { dataDir, logFolder: path.join(dataDir, 'log'), port, env, log, signal };
  };
  const ready = async <T extends Server | undefined>(starting: Promise<T>): Promise<T> => {
    try {
      const server = await starting;
      if (server !== undefined) log(`${server.description} is ready`);
      return server;
    } catch (error) {
      // No need to wait for the others.
      failure.abort(error);
      throw error;
    }
  };
  const [postgres, redis, temporal] = await Promise.allSettled([
    ready(startPostgres(on(ports?.postgres))),
    ready(startRedis(on(ports?.redis))),
    ready(
      startTemporal({ ...on(ports?.temporal), ui: temporalUi ? { port: ports?.temporalUi } : undefined, persistent }),
    ),
  ]);
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled' && temporal.status === 'fulfilled') {
    const servers = [postgres.value, redis.value, temporal.value];
    return {
      postgres: postgres.value,
      redis: redis.value,
      temporal: temporal.value,
      env: environment(dataDir, postgres.value, redis.value, temporal.value),
      stop: () => stopAll(servers),
    };
  }
  await stopAll([postgres, redis, temporal].map((each) => (each.status === 'fulfilled' ? each.value : undefined)));
  options.signal?.throwIfAborted();
  throw failure.signal.reason;
}

async function stopAll(servers: readonly (Server | undefined)[]): Promise<void> {
  await Promise.all(servers.map(async (server) => await server?.stop()));
  await retireGuard();
}

function environment(
  dataDir: string,
  postgres: Server,
  redis: Server | undefined,
  temporal: TemporalServer,
): Record<string, string> {
  const env: Record<string, string> = { DATABASE_URL: postgres.address, TEMPORAL_ADDRESS: temporal.address };
  if (redis !== undefined) env.REDIS_URL = redis.address;
  if (temporal.owned) Object.assign(env, ownTemporalEnvironment(dataDir, temporal.address));
  if (temporal.uiUrl !== undefined) env.WAYBILL_TEMPORAL_UI_URL = temporal.uiUrl;
  return env;
}

/** Keeps the user's own Temporal profile, with its TLS and API key, from being mixed into a connection to our server. */
function ownTemporalEnvironment(dataDir: string, address: string): Record<string, string> {
  const file = path.join(dataDir, 'temporal.toml');
  const profile = ['[profile.default]', `address = "${address}"`, 'namespace = "default"'];
  writeFileSync(file, [...profile, '[profile.default.tls]', 'disabled = true', ''].join('\n'));
  return {
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_CONFIG_FILE: file,
    TEMPORAL_PROFILE: 'default',
    TEMPORAL_TLS: 'false',
  };
}
