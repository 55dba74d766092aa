import { inBatches } from '../../../core/in-batches';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../../webhooks';
import { type BulkSweepReport, sweepBulks } from '../bulk/sweep-bulks';
import { LEAVE_MS } from '../changes/terms';
import { EXPORT_LEAVE_MS } from '../exporting/request-export';
import { followChange, startErasure, startExport } from '../start';
import { type PreferenceChange, removeChanges, takeDueChanges } from '../store/changes';
import { takeDueErasures } from '../store/erasures';
import { removeExpiredExports, takeDueExports } from '../store/exports';

const BATCH = 500;
/** Each may have thousands of pieces. */
const EXPORTS_AT_ONCE = 20;
const ANSWER_WITHIN_MS = 10_000;

/** What a sweep did. */
export interface PreferenceSweepReport extends BulkSweepReport {
  /** Changes whose workflow was started: it never was, or is gone. */
  followed: number;
  changesRemoved: number;
  /** Exports and erasures whose workflow was started, for the same reason. */
  resumed: number;
  exportsRemoved: number;
}

/**
 * Has what follows a change carried out where nothing attends to it, and forgets changes that are done and old. Consent and
 * audit logs are kept. The same for exports and erasures; exports that have expired are removed, and
 * bulk suppressions are looked after.
 *
 * @param beat - says that it is alive; called after every step
 */
export async function sweepPreferences(platform: Platform, beat: () => void): Promise<PreferenceSweepReport> {
  const { pool, settings } = platform;
  const { WAYBILL_HISTORY_RETENTION: historyMs } = settings.of(webhooksConfig);
  let followed = 0;
  for (let due: PreferenceChange[] | undefined; due === undefined || due.length === BATCH; ) {
    due = await takeDueChanges(pool, LEAVE_MS, BATCH);
    for (const { id, tenantId, kind, subscriberId, suppressionId } of due) {
      const summary = `${kind} of ${subscriberId ?? suppressionId}`;
      await followChange(platform, { changeId: id, tenantId, summary }, ANSWER_WITHIN_MS);
      followed++;
      beat();
    }
    beat();
  }
  const changesRemoved = await inBatches(BATCH, beat, () => removeChanges(pool, Date.now() - historyMs, BATCH));
  const resumed = await resumeRequests(platform, beat);
  const exportsRemoved = await inBatches(EXPORTS_AT_ONCE, beat, () => removeExpiredExports(pool, EXPORTS_AT_ONCE));
  return { followed, changesRemoved, resumed, exportsRemoved, ...(await sweepBulks(platform, beat)) };
}

async function resumeRequests(platform: Platform, beat: () => void): Promise<number> {
  const { pool } = platform;
  const erasures = await inBatches(BATCH, beat, async () => {
    const due = await takeDueErasures(pool, LEAVE_MS, BATCH);
    for (const erasure of due) {
      await startErasure(platform, erasure, ANSWER_WITHIN_MS);
      beat();
    }
    return due.length;
  });
  const exports = await inBatches(BATCH, beat, async () => {
    const due = await takeDueExports(pool, EXPORT_LEAVE_MS, BATCH);
    for (const job of due) {
      await startExport(platform, job, ANSWER_WITHIN_MS);
      beat();
    }
    return due.length;
  });
  return erasures + exports;
}
