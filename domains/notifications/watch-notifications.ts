import { Gauge } from 'prom-client';
import type { Platform } from '../../infra/platform/platform';
import { measureSends } from './store/upkeep';

/** Registers gauges of sends that wait, and of decisions that must not be, read each time the metrics are rendered. */
export function watchNotifications({ metrics, reads }: Platform): void {
  const registers = [metrics.registry];
  const oldest = new Gauge({
    name: 'notification_oldest_due_seconds',
    help: 'How late the most overdue send is; 0 when none is. Alert when it is over a minute.',
    registers,
  });
  const broken = new Gauge({
    name: 'notification_suppression_violations',
    help: 'Sends that were allowed by preferences that had changed by then, as the sweep has found them. Alert on any.',
    registers,
  });
  new Gauge({
    name: 'notification_due_sends',
    help: 'Sends that are due.',
    registers,
    async collect() {
      // While Postgres is away the other metrics still matter.
      const measured = await measureSends(reads).catch(() => undefined);
      this.set(measured?.due ?? Number.NaN);
      oldest.set(measured?.oldestSeconds ?? Number.NaN);
      broken.set(measured?.broken ?? Number.NaN);
    },
  });
}
