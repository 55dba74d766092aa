import { Gauge } from 'prom-client';
import type { Platform } from '../../infra/platform/platform';
import { measureInReview, measureUnderWay } from './store/open-payments';

/**
 * Registers gauges of payments that are not over, read each time the metrics are rendered: what stands still is seen
 * although nothing that would move it runs.
 */
export function watchPayments({ metrics, reads }: Platform): void {
  const registers = [metrics.registry];
  const oldest = new Gauge({
    name: 'payments_oldest_open_seconds',
    help: 'Age of the oldest payment that is not over: under_way, or in_review. Alert when under_way is above 3600.',
    labelNames: ['stage'] as const,
    registers,
  });
  new Gauge({
    name: 'payments_open',
    help: 'Payments that are not over, 10,000 at most: under_way, or in_review by a person.',
    labelNames: ['stage'] as const,
    registers,
    async collect() {
      for (const [stage, measure] of [
        ['under_way', measureUnderWay],
        ['in_review', measureInReview],
      ] as const) {
        // While Postgres is away the other metrics still matter.
        const open = await measure(reads).catch(() => undefined);
        this.set({ stage }, open?.count ?? Number.NaN);
        oldest.set({ stage }, open?.oldestSeconds ?? Number.NaN);
      }
    },
  });
}
