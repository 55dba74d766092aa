import { Gauge } from 'prom-client';
import type { Platform } from '../../infra/platform/platform';
import { measureStalledBulks } from './store/bulk-suppressions';
import { measureOverdueChanges } from './store/changes';
import { measureOpenErasures } from './store/erasures';

/** Registers gauges of what waits, read each time the metrics are rendered. */
export function watchPreferences({ metrics, reads }: Platform): void {
  new Gauge({
    name: 'preference_changes_oldest_due_seconds',
    help: 'For how long what follows a change of preferences has waited for the sweep; 0 when nothing does. Alert when it is over ten minutes.',
    registers: [metrics.registry],
    async collect() {
      // While Postgres is away the other metrics still matter.
      this.set(await measureOverdueChanges(reads).catch(() => Number.NaN));
    },
  });
  new Gauge({
    name: 'bulk_suppressions_stalled_seconds',
    help: 'For how long nobody has attended to a bulk suppression that goes on; 0 when somebody attends to all. Alert when it is over ten minutes.',
    registers: [metrics.registry],
    async collect() {
      this.set(await measureStalledBulks(reads).catch(() => Number.NaN));
    },
  });
  new Gauge({
    name: 'subscriber_erasures_oldest_open_seconds',
    help: 'For how long the oldest erasure of a subscriber has not been done; 0 when all are. Alert when it is over an hour.',
    registers: [metrics.registry],
    async collect() {
      this.set(await measureOpenErasures(reads).catch(() => Number.NaN));
    },
  });
}
