import { Counter, type Registry } from 'prom-client';
import { conflictMetrics } from '../webhooks';

export type PaymentMetrics = ReturnType<typeof paymentMetrics>;

/** A process's payment metrics. */
export function paymentMetrics(registry: Registry) {
  const metrics = {
    ...conflictMetrics(registry),
    paymentEvents: new Counter({
      name: 'payment_events_total',
      help: 'What became of payments, refunds and chargebacks, by the event that tells of it. Alert on *.needs_review.',
      labelNames: ['type'] as const,
      registers: [registry],
    }),
  };
  for (const subject of ['payment', 'refund', 'chargeback']) {
    metrics.paymentEvents.inc({ type: `${subject}.needs_review` }, 0);
  }
  return metrics;
}
