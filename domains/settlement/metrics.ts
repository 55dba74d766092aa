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
    setAside: new Gauge({
      name: 'settlement_merchants_set_aside',
      help: 'Merchants that are set aside, and so neither settled nor paid out. Alert when it is not 0.',
      registers: [registry],
    }),
    overdue: new Gauge({
      name: 'settlement_overdue_businesses',
      help: 'Businesses whose last closed day should have been settled by now and is not. Alert when it is not 0.',
      registers: [registry],
    }),
    payoutsOverdue: new Gauge({
      name: 'payouts_overdue_businesses',
      help: 'Businesses with payouts that no bank file has confirmed in time. Alert when it is not 0.',
      registers: [registry],
    }),
    oldestPayout: new Gauge({
      name: 'payouts_oldest_overdue_seconds',
      help: 'How long the oldest overdue payout has been in transit; 0 when none is overdue.',
      registers: [registry],
    }),
  };
}
