import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { type Fragment, loadSettings, type Settings } from '../config/settings';
import { Keyring } from '../keyring';
import { createLogger, type Logger } from '../log';
import { createMetrics, type Metrics } from '../observability/metrics';
import { createPool } from '../postgres/pool';
import { createRedis } from '../redis/client';
import { createTemporalClient } from '../temporal/client';
import { type PlatformConfig, platformConfig } from './config';

/** What every process of Waybill is built on: configuration, connections to the servers, log and metrics. */
export interface Platform {
  settings: Settings;
  config: PlatformConfig;
  pool: Pool;
  /** A few connections of their own for what may be slow, so that it never takes those that `pool` needs. */
  reads: Pool;
  /** Absent when none is configured. */
  redis: Redis | undefined;
  keyring: Keyring;
  /** Connects when it is first used, so that a process can start while Temporal is away. */
  client: Client;
  /** The Temporal namespace. */
  namespace: string;
  metrics: Metrics;
  log: Logger;
  /** What `make` opened for this process; `make` is called the first time only. */
  once<T>(make: (platform: Platform) => T): T;
  /** Registers a step to finish before the connections are closed; the last registered runs first. */
  onClose(step: () => Promise<void>): void;
  /** Finishes what is under way, then closes every connection. */
  close(): Promise<void>;
}

export interface PlatformOptions {
  /** The process's name in logs. */
  name: string;
  /** The environment variables that the process reads besides {@link platformConfig}. */
  fragments: readonly Fragment[];
  env?: NodeJS.ProcessEnv;
  /** How long a statement in `pool` may take, in milliseconds; by default as long as background work may need. */
  statementTimeoutMs?: number;
  /** Used instead of one that writes to standard output. */
  log?: Logger;
}

/** Opens a process's platform. @throws ConfigError when the environment is not valid */
export function openPlatform(options: PlatformOptions): Platform {
  const settings = loadSettings([platformConfig, ...options.fragments], options.env);
  const config = settings.of(platformConfig);
  const log = options.log ?? createLogger(config.WAYBILL_LOG_LEVEL, options.name);
  const { statementTimeoutMs } = options;
  const pool = createPool(
    config.DATABASE_URL,
    {
      max: config.WAYBILL_DATABASE_CONNECTIONS,
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
    },
    log,
  );
  const reads = createPool(
    config.DATABASE_URL,
    { max: config.WAYBILL_DATABASE_READ_CONNECTIONS, statementTimeoutMs: config.WAYBILL_DATABASE_READ_TIMEOUT },
    log,
  );
  const redis = createRedis(config.REDIS_URL, config.WAYBILL_REDIS_PREFIX, log);
  const temporal = createTemporalClient();
  const metrics = createMetrics();
  watchConnections(metrics.registry, { main: pool, reads });
  const steps: (() => Promise<void>)[] = [];
  const opened = new Map<unknown, unknown>();
  const platform: Platform = {
    settings,
    config,
    pool,
    reads,
    redis,
    keyring: new Keyring(config.WAYBILL_KEYS),
    client: temporal.client,
    namespace: temporal.namespace,
    metrics,
    log,
    once<T>(make: (platform: Platform) => T): T {
      if (!opened.has(make)) opened.set(make, make(platform));
      return opened.get(make) as T;
    },
    onClose(step) {
      steps.push(step);
    },
    async close() {
      for (const step of steps.reverse()) await step();
      redis?.disconnect();
      await Promise.all([pool.end(), reads.end()]);
      await temporal.close();
    },
  };
  return platform;
}

function watchConnections(registry: Registry, pools: Readonly<Record<string, Pool>>): void {
  new Gauge({
    name: 'postgres_pool_connections',
    help: "This process's connections to Postgres.",
    labelNames: ['pool', 'state'] as const,
    registers: [registry],
    collect() {
      for (const [name, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
        this.set({ pool: name, state: 'open' }, totalCount);
        this.set({ pool: name, state: 'idle' }, idleCount);
        this.set({ pool: name, state: 'waited-for' }, waitingCount);
      }
    },
  });
}
