import { inBatches } from '../../../core/in-batches';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../../webhooks';
import { notificationsConfig } from '../config';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';
import { startSending } from '../start';
import { moveOverdue, openSends } from '../store/sends';
import {
  findBrokenDecisions,
  forgetContents,
  removeDecisions,
  removeNotifications,
  removeVersions,
} from '../store/upkeep';

const BATCH = 1_000;

/** Each sweep looks again at what earlier ones looked at: a decision may become visible late. */
const LOOK_BACK_MS = 3_600_000;

/** What a sweep did. */
export interface NotificationSweepReport {
  /** Sends that were given to the workflow for what nothing else attends to. */
  overdue: number;
  /** Decisions by a version that was not the latest: there must be none. */
  broken: number;
  contentsForgotten: number;
  notificationsRemoved: number;
}

/**
 * Gives overdue sends to one workflow, whichever they were stored for: theirs was never started, or is gone. Holds decisions
 * to what the database knows of versions, and forgets what has been kept long enough.
 *
 * @param beat - says that it is alive; called after every statement
 */
export async function sweepNotifications(platform: Platform, beat: () => void): Promise<NotificationSweepReport> {
  const { pool, settings, log } = platform;
  const { WAYBILL_NOTIFY_SWEEP_GRACE: graceMs } = settings.of(notificationsConfig);
  const { WAYBILL_CONTENT_RETENTION: contentMs, WAYBILL_HISTORY_RETENTION: historyMs } = settings.of(webhooksConfig);
  const overdue = await inBatches(BATCH, beat, () => moveOverdue(pool, graceMs, BATCH));
  if (overdue > 0 || (await openSends(pool, OVERDUE_WORKFLOW)).open > 0) {
    await startSending(platform, { workflowId: OVERDUE_WORKFLOW, tenantIds: [], summary: 'Overdue notifications' });
  }
  const broken = await findBrokenDecisions(pool, new Date(Date.now() - LOOK_BACK_MS));
  beat();
  if (broken > 0) log.error({ broken }, 'sends were allowed by preferences that had changed');
  const contentsForgotten = await inBatches(BATCH, beat, () => forgetContents(pool, Date.now() - contentMs, BATCH));
  const notificationsRemoved = await inBatches(BATCH, beat, () =>
    removeNotifications(pool, Date.now() - historyMs, BATCH),
  );
  const old = new Date(Date.now() - historyMs);
  await inBatches(BATCH, beat, () => removeDecisions(pool, old, BATCH));
  await inBatches(BATCH, beat, () => removeVersions(pool, old, BATCH));
  return { overdue, broken, contentsForgotten, notificationsRemoved };
}
