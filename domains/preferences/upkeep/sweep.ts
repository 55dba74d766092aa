import { inBatches } from '../../../core/in-batches';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../../webhooks';
import { type BulkSweepReport, sweepBulks } from '../bulk/sweep-bulks';
import { LEAVE_MS } from '../changes/terms';
import { followChange } from '../start';
import { type PreferenceChange, removeChanges, takeDueChanges } from '../store/changes';

const BATCH = 500;
const ANSWER_WITHIN_MS = 10_000;

/** What a sweep did. */
export interface PreferenceSweepReport extends Partial<BulkSweepReport> {
  /** Changes whose workflow was started: it never was, or is gone. */
  followed: number;
  changesRemoved: number;
}

/**
 * Has what follows a change carried out where nothing attends to it, forgets changes that are done and old, and looks after
 * bulk suppressions. Consent and audit logs are kept.
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
  return { followed, changesRemoved, ...(await sweepBulks(platform, beat)) };
}
