import { Gauge } from 'prom-client';
import type { Platform } from '../../infra/platform/platform';
import { measureOverdue } from './store/retention';

/** Registers gauges of events that wait, read each time the metrics are rendered. */
export function watchInbound({ metrics, reads }: Platform): void {
  const registers = [metrics.registry];
  const oldest = new Gauge({
    name: 'inbound_oldest_due_seconds',
    help: 'How late the processing of the most overdue inbound event is; 0 when none is. Alert when it is over a minute.',
    registers,
  });
  new Gauge({
    name: 'inbound_due_events',
    help: 'Inbound events whose processing is due.',
    registers,
    async collect() {
      // While Postgres is away the other metrics still matter.
      const overdue = await measureOverdue(reads).catch(() => undefined);
      this.set(overdue?.due ?? Number.NaN);
      oldest.set(overdue?.oldestSeconds ?? Number.NaN);
    },
  });
}
