import { Gauge } from 'prom-client';
import type { Platform } from '../../infra/platform/platform';
import { measureOverdueChanges } from './store/changes';

/** Registers a gauge of changes that wait, read each time the metrics are rendered. */
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
}
