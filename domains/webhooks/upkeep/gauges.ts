import { Gauge, type Registry } from 'prom-client';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DeliveryEngine } from '../delivery/delivery-engine';
import type { EndpointConfigCache } from '../delivery/endpoint-config-cache';
import { countCircuits } from '../store/circuits';
import { BLOCKING_STATES, measureBlocked } from '../store/ordering';
import { measureBacklog } from '../store/overdue';
import { countRateLimited } from '../store/rate-limits';

/** Registers the gauges that are read each time the metrics are rendered. */
export function watchDispatch(
  registry: Registry,
  { db, engine, endpoints }: { db: Queryable; engine: DeliveryEngine; endpoints: EndpointConfigCache },
): void {
  const registers = [registry];
  new Gauge({
    name: 'webhook_first_attempts_waiting',
    help: 'Accepted deliveries that wait in this process for their first attempt.',
    registers,
    collect() {
      this.set(engine.waiting);
    },
  });
  new Gauge({
    name: 'webhook_endpoint_cache_lookups',
    help: 'Look-ups of endpoint configuration since the start, by the level that answered.',
    labelNames: ['level'] as const,
    registers,
    collect() {
      this.set({ level: 'process' }, endpoints.statistics.hits);
      this.set({ level: 'redis' }, endpoints.statistics.redisHits);
      this.set({ level: 'postgres' }, endpoints.statistics.databaseReads);
    },
  });
  new Gauge({
    name: 'webhook_circuits',
    help: 'Endpoints whose circuit is not closed, by its state.',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      const counts = await countCircuits(db).catch(() => undefined);
      this.set({ state: 'open' }, counts?.open ?? Number.NaN);
      this.set({ state: 'draining' }, counts?.draining ?? Number.NaN);
    },
  });
  new Gauge({
    name: 'webhook_rate_limited_deliveries',
    help: "Deliveries that are due and wait because of their endpoints' rate limits.",
    registers,
    async collect() {
      this.set(await countRateLimited(db).catch(() => Number.NaN));
    },
  });
  const oldestBlocked = new Gauge({
    name: 'webhook_oldest_blocked_seconds',
    help: 'How long ago the oldest of these heads was attempted first; 0 when there is none.',
    labelNames: ['state'] as const,
    registers,
  });
  new Gauge({
    name: 'webhook_blocked_lines',
    help: 'Ordered endpoints whose line does not move, because its head failed, is held or was given up.',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      const blocked = await measureBlocked(db).catch(() => undefined);
      for (const state of BLOCKING_STATES) {
        this.set({ state }, blocked?.[state].count ?? Number.NaN);
        oldestBlocked.set({ state }, blocked?.[state].oldestSeconds ?? Number.NaN);
      }
    },
  });
  const oldestOverdue = new Gauge({
    name: 'webhook_oldest_overdue_seconds',
    help: 'How late the most overdue delivery is; 0 when none is.',
    registers,
  });
  new Gauge({
    name: 'webhook_backlog_deliveries',
    help: 'Deliveries whose attempt is due and has not been made, although no rate limit delays it.',
    registers,
    async collect() {
      // While Postgres is away the other metrics still matter.
      const backlog = await measureBacklog(db).catch(() => undefined);
      this.set(backlog?.due ?? Number.NaN);
      oldestOverdue.set(backlog?.oldestOverdueSeconds ?? Number.NaN);
    },
  });
}
