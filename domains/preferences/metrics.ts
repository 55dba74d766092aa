import { Counter, type Registry } from 'prom-client';
import { BULK_RESULTS } from './rules/bulk';
import { CHANGE_KINDS } from './rules/change';

const BULK_OUTCOMES = ['completed', 'dry_run', 'cancelled', 'rejected', 'failed', 'incomplete'] as const;

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
    bulkReceived: new Counter({
      name: 'bulk_suppressions_received_total',
      help: 'Bulk suppressions that have arrived, by size: usual or big. Alert on big: somebody suppresses many addresses.',
      labelNames: ['size'] as const,
      registers,
    }),
    bulkRows: new Counter({
      name: 'bulk_suppression_rows_total',
      help: 'Rows of bulk suppressions, by what became of them. Alert when many are invalid or refused.',
      labelNames: ['result'] as const,
      registers,
    }),
    bulkEnded: new Counter({
      name: 'bulk_suppressions_ended_total',
      help: 'Bulk suppressions that have ended, by outcome. Alert on failed.',
      labelNames: ['outcome'] as const,
      registers,
    }),
  };
  for (const kind of CHANGE_KINDS) metrics.changes.inc({ kind, committed_by: 'workflow' }, 0);
  for (const size of ['usual', 'big']) metrics.bulkReceived.inc({ size }, 0);
  for (const result of BULK_RESULTS) metrics.bulkRows.inc({ result }, 0);
  for (const outcome of BULK_OUTCOMES) metrics.bulkEnded.inc({ outcome }, 0);
  return metrics;
}
