import { readFileSync } from 'node:fs';
import { createGuardedClient } from '../../../infra/http/guarded-client';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { openCircuits } from '../circuit/open-circuits';
import { addressPolicy, webhooksConfig } from '../config';
import { webhookMetrics } from '../metrics';
import { deliverOperational } from '../operational/outbox';
import { createOrderedRunner, type OrderedRunner } from '../ordering/ordered-runner';
import { headDueInMs } from '../store/ordering';
import { watchDispatch } from '../upkeep/gauges';
import { createDeliveryEngine, type DeliveryEngine } from './delivery-engine';
import { createEndpointConfigCache, type EndpointConfigCache } from './endpoint-config-cache';

/** What a process that makes attempts (the API or a worker) needs. */
export interface Dispatch {
  endpoints: EndpointConfigCache;
  engine: DeliveryEngine;
  ordered: OrderedRunner;
}

/** The process's one delivery engine. It finishes what is under way before the process closes. */
export function openDispatch(platform: Platform): Dispatch {
  return platform.once(open);
}

function open(platform: Platform): Dispatch {
  const { pool, redis, keyring, log, config, metrics } = platform;
  const { WAYBILL_ATTEMPT_CONCURRENCY, WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT } =
    platform.settings.of(webhooksConfig);
  const extraCa =
    config.WAYBILL_EXTRA_CA_FILE === undefined ? undefined : readFileSync(config.WAYBILL_EXTRA_CA_FILE, 'utf8');
  const client = createGuardedClient({
    policy: addressPolicy(config),
    // Many endpoints may have one origin, and one that hangs must not take the others' sockets: the engine limits them.
    socketsPerOrigin: WAYBILL_ATTEMPT_CONCURRENCY,
    ...(extraCa === undefined ? {} : { extraCa }),
  });
  const endpoints = createEndpointConfigCache({ db: pool, redis, keyring });
  const backlogs = openBacklogs(platform);
  const circuits = openCircuits(platform);
  const engine = createDeliveryEngine({
    pool,
    client,
    endpoints,
    metrics: metrics.of(webhookMetrics),
    log,
    concurrency: WAYBILL_ATTEMPT_CONCURRENCY,
    concurrencyPerEndpoint: WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT,
    onBacklog: (backlog) => backlogs.tell(backlog),
    onOrdered: (endpointId, version) => ordered.run(endpointId, version),
    circuits,
    onEvents: (events) => deliverOperational(platform, events),
  });
  const ordered = createOrderedRunner({ engine, dueInMs: (endpointId) => headDueInMs(pool, endpointId), log });
  const dispatch = { endpoints, engine, ordered };
  watchDispatch(metrics.registry, { db: platform.reads, ...dispatch });
  platform.onClose(async () => {
    const orders = ordered.close();
    await engine.close();
    await orders;
    await client.close();
  });
  return dispatch;
}
