import { Counter, Gauge, type Registry } from 'prom-client';
import { conflictMetrics } from '../webhooks';

export type SettlementMetrics = ReturnType<typeof settlementMetrics>;

/** A process's settlement metrics. */
export function settlementMetrics(registry: Registry) {
  return {
    ...conflictMetrics(registry),
    runs: new Counter({
      name: 'settlement_runs_total',
      help: 'Settlements of a business day that came to an end, by how.',
      labelNames: ['outcome'] as const,
      registers: [registry],
    }),
    overdue: new Gauge({
      name: 'settlement_overdue_businesses',
      help: 'Businesses whose last closed day should have been settled by now and is not. Alert when it is not 0.',
      registers: [registry],
    }),
  };
}
