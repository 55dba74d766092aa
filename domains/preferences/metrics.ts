import { Counter, type Registry } from 'prom-client';
import { CHANGE_KINDS } from './rules/change';

export type PreferenceMetrics = ReturnType<typeof preferenceMetrics>;

/** A process's metrics of preferences and suppressions. */
export function preferenceMetrics(registry: Registry) {
  const registers = [registry];
  const metrics = {
    changes: new Counter({
      name: 'preference_changes_total',
      help: 'Changes of preferences, and whether their workflow or the request itself committed them. Alert on many by requests: Temporal or its workers are away.',
      labelNames: ['kind', 'committed_by'] as const,
      registers,
    }),
    suppressions: new Counter({
      name: 'suppressions_total',
      help: 'Suppressions that were made, by reason and where they came from.',
      labelNames: ['reason', 'source'] as const,
      registers,
    }),
  };
  for (const kind of CHANGE_KINDS) metrics.changes.inc({ kind, committed_by: 'workflow' }, 0);
  return metrics;
}
