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
  /** Used instead of one that writes to standard output. */
  log?: Logger;
}

/** Opens a process's platform. @throws ConfigError when the environment is not valid */
export function openPlatform(options: PlatformOptions): Platform {
  const settings = loadSettings([platformConfig, ...options.fragments], options.env);
  const config = settings.of(platformConfig);
  const log = options.log ?? createLogger(config.WAYBILL_LOG_LEVEL, options.name);
  const pool = createPool(config.DATABASE_URL, config.WAYBILL_DATABASE_CONNECTIONS, log);
  const redis = createRedis(config.REDIS_URL, config.WAYBILL_REDIS_PREFIX, log);
  const temporal = createTemporalClient();
  const metrics = createMetrics();
  watchConnections(metrics.registry, pool);
  const steps: (() => Promise<void>)[] = [];
  const opened = new Map<unknown, unknown>();
  const platform: Platform = {
    settings,
    config,
    pool,
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
      await pool.end();
      await temporal.close();
    },
  };
  return platform;
}

function watchConnections(registry: Registry, pool: Pool): void {
  new Gauge({
    name: 'postgres_pool_connections',
    help: "This process's connections to Postgres.",
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      this.set({ state: 'open' }, pool.totalCount);
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'waited-for' }, pool.waitingCount);
    },
  });
}
