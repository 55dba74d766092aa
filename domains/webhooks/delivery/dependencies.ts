import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';
import type { Config } from '../../../infra/config';
import { createGuardedClient, type GuardedClient } from '../../../infra/http/guarded-client';
import { Keyring } from '../../../infra/keyring';
import type { Logger } from '../../../infra/log';
import type { Metrics } from '../../../infra/observability/metrics';
import { createPool } from '../../../infra/postgres/pool';
import { createRedis } from '../../../infra/redis/client';
import { createDeliveryEngine, type DeliveryEngine } from './delivery-engine';
import { createEndpointConfigCache, type EndpointConfigCache } from './endpoint-config-cache';

/** What a process that makes attempts, the API or a worker, has to have. */
export interface Delivery {
  pool: Pool;
  keyring: Keyring;
  http: GuardedClient;
  endpoints: EndpointConfigCache;
  engine: DeliveryEngine;
  /** Finishes attempts that are under way, then closes every connection. */
  close(): Promise<void>;
}

/** Where endpoints may be: as configured. */
export function addressPolicy(config: Config) {
  return { allowPrivateNetworks: config.WAYBILL_ALLOW_PRIVATE_NETWORKS, allowHttp: config.WAYBILL_ALLOW_HTTP };
}

/** Builds the delivery engine and what it stands on. */
export async function createDelivery(config: Config, metrics: Metrics, log: Logger): Promise<Delivery> {
  const pool = createPool(config.DATABASE_URL, config.WAYBILL_DATABASE_CONNECTIONS, log);
  const redis = createRedis(config.REDIS_URL, log);
  const keyring = new Keyring(config.WAYBILL_KEYS);
  const extraCa =
    config.WAYBILL_EXTRA_CA_FILE === undefined ? undefined : readFileSync(config.WAYBILL_EXTRA_CA_FILE, 'utf8');
  const http = createGuardedClient({
    policy: addressPolicy(config),
    socketsPerOrigin: config.WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT,
    ...(extraCa === undefined ? {} : { extraCa }),
  });
  const endpoints = createEndpointConfigCache({ db: pool, redis, keyring });
  const engine = createDeliveryEngine({
    pool,
    client: http,
    endpoints,
    metrics,
    log,
    concurrency: config.WAYBILL_ATTEMPT_CONCURRENCY,
    concurrencyPerEndpoint: config.WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT,
  });
  return {
    pool,
    keyring,
    http,
    endpoints,
    engine,
    async close() {
      await engine.drain();
      await http.close();
      redis?.disconnect();
      await pool.end();
    },
  };
}
