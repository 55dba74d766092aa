/** Where a bulk suppression stands. `waiting`: for another API key to approve it. `incomplete`: its upload has no end. */
export const BULK_STATES = [
  'receiving',
  'incomplete',
  'waiting',
  'rejected',
  'running',
  'cancelling',
  'cancelled',
  'completed',
  'failed',
] as const;

export type BulkState = (typeof BULK_STATES)[number];

/** What becomes of a row. */
export const BULK_RESULTS = ['added', 'extended', 'already_suppressed', 'invalid', 'refused'] as const;

export type BulkResult = (typeof BULK_RESULTS)[number];

/** How many rows have which result. */
export type BulkCounts = Record<BulkResult, number>;

export function noCounts(): BulkCounts {
  return { added: 0, extended: 0, already_suppressed: 0, invalid: 0, refused: 0 };
}

/** How far a bulk suppression is, as answers and events tell it. */
export function bulkProgressOf(bulk: { total: number; appliedTo: number; counts: BulkCounts; stoppedSends: number }) {
  const { total, appliedTo, counts, stoppedSends } = bulk;
  const { already_suppressed: alreadySuppressed, ...others } = counts;
  return { total, done: appliedTo, ...others, alreadySuppressed, stoppedSends };
}

/** Where a bulk suppression stands after a round, for its workflow. */
export interface BulkReport {
  state: BulkState | 'gone';
  dryRun: boolean;
  total: number;
  /** Rows that have their result. */
  done: number;
  counts: BulkCounts;
  /** Pending sends that it has stopped. */
  stoppedSends: number;
}

/** What starts a `bulkSuppression`: everything else is in the database. */
export interface BulkSuppressionInput {
  bulkId: string;
  tenantId: string;
}
