import { inBatches } from '../../../core/in-batches';
import type { Platform } from '../../../infra/platform/platform';
import { preferencesConfig } from '../config';
import { preferenceMetrics } from '../metrics';
import { startBulkWorkflow } from '../start';
import { removeBulkRows } from '../store/bulk-suppression-rows';
import { deleteBulk, findEndedBulks, findUnattendedBulks, giveUpUploads } from '../store/bulk-suppressions';
import { QUIET_UPLOAD_MS } from './start-bulk';

const AT_ONCE = 100;
const ROWS_AT_ONCE = 5_000;
/** Left to the request that has just begun it. */
const GRACE_MS = 30_000;

/** What a sweep did for bulk suppressions. */
export interface BulkSweepReport {
  /** Those whose workflow was started: nobody attended to them. */
  bulksResumed: number;
  uploadsGivenUp: number;
  rowsRemoved: number;
}

/**
 * Starts the workflows of bulk suppressions that nobody attends to, gives up uploads whose process is gone, and removes what
 * ended longer ago than `WAYBILL_BULK_SUPPRESSION_RETENTION`.
 *
 * @param beat - says that it is alive; called after every step
 */
export async function sweepBulks(platform: Platform, beat: () => void): Promise<BulkSweepReport> {
  const { pool, settings, metrics } = platform;
  const unattended = await findUnattendedBulks(pool, GRACE_MS, AT_ONCE);
  for (const bulk of unattended) {
    await startBulkWorkflow(platform, bulk);
    beat();
  }
  const uploadsGivenUp = await inBatches(AT_ONCE, beat, () => giveUpUploads(pool, QUIET_UPLOAD_MS, AT_ONCE));
  metrics.of(preferenceMetrics).bulkEnded.inc({ outcome: 'incomplete' }, uploadsGivenUp);
  const olderThanMs = settings.of(preferencesConfig).WAYBILL_BULK_SUPPRESSION_RETENTION;
  let rowsRemoved = 0;
  for (;;) {
    const ended = await findEndedBulks(pool, olderThanMs, AT_ONCE);
    for (const id of ended) {
      rowsRemoved += await inBatches(ROWS_AT_ONCE, beat, () => removeBulkRows(pool, id, ROWS_AT_ONCE));
      await deleteBulk(pool, id);
    }
    if (ended.length < AT_ONCE) break;
  }
  return { bulksResumed: unattended.length, uploadsGivenUp, rowsRemoved };
}
