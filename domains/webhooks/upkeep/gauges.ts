import type { Pool } from 'pg';
import type { Metrics } from '../../../infra/observability/metrics';
import type { DeliveryEngine } from '../delivery/delivery-engine';
import type { EndpointConfigCache } from '../delivery/endpoint-config-cache';
import { measureBacklog } from '../store/overdue';

/** Renders a process's metrics in Prometheus' text form, after bringing the gauges up to date. */
export async function renderMetrics(deps: {
  metrics: Metrics;
  pool: Pool;
  engine: DeliveryEngine;
  endpoints: EndpointConfigCache;
}): Promise<string> {
  const { metrics, pool, engine, endpoints } = deps;
  metrics.firstAttemptsWaiting.set(engine.waiting);
  metrics.databaseConnections.set({ state: 'open' }, pool.totalCount);
  metrics.databaseConnections.set({ state: 'idle' }, pool.idleCount);
  metrics.databaseConnections.set({ state: 'waited-for' }, pool.waitingCount);
  metrics.endpointCache.set({ level: 'process' }, endpoints.statistics.hits);
  metrics.endpointCache.set({ level: 'redis' }, endpoints.statistics.redisHits);
  metrics.endpointCache.set({ level: 'postgres' }, endpoints.statistics.databaseReads);
  // While Postgres is away the other metrics still matter.
  const backlog = await measureBacklog(pool).catch(() => undefined);
  metrics.backlog.set(backlog?.due ?? Number.NaN);
  metrics.oldestOverdue.set(backlog?.oldestOverdueSeconds ?? Number.NaN);
  return metrics.registry.metrics();
}
