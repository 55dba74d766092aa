import { inBatches } from '../../../core/in-batches';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../../webhooks';
import { inboundConfig } from '../config';
import { MAX_TOLERANCE_MS } from '../rules/schemes';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';
import { startProcessing } from '../start';
import { moveOverdue, openEvents } from '../store/processing';
import { forgetRefusals } from '../store/refusals';
import { forgetContents, removeEvents } from '../store/retention';

const BATCH = 1_000;

/** What a sweep did. */
export interface InboundSweepReport {
  /** Events that were given to the workflow for what nothing else attends to. */
  overdue: number;
  contentsForgotten: number;
  eventsRemoved: number;
}

/** Whatever retention says, a repetition is recognised for twice as long as its time of signing may count. */
const KEPT_AT_LEAST_MS = 2 * MAX_TOLERANCE_MS;

/**
 * Gives overdue events to one workflow, whichever they were stored for: theirs was never started, or is gone. Then forgets
 * what has been kept long enough.
 *
 * @param beat - says that it is alive; called after every statement
 */
export async function sweepInbound(platform: Platform, beat: () => void): Promise<InboundSweepReport> {
  const { pool, settings } = platform;
  const { WAYBILL_INBOUND_SWEEP_GRACE: graceMs } = settings.of(inboundConfig);
  const { WAYBILL_CONTENT_RETENTION: contentMs, WAYBILL_HISTORY_RETENTION: historyMs } = settings.of(webhooksConfig);
  const overdue = await inBatches(BATCH, beat, () => moveOverdue(pool, graceMs, BATCH));
  if (overdue > 0 || (await openEvents(pool, OVERDUE_WORKFLOW)).open > 0) {
    await startProcessing(platform, { workflowId: OVERDUE_WORKFLOW, tenantIds: [], summary: 'Overdue inbound events' });
  }
  const contentsForgotten = await inBatches(BATCH, beat, () => forgetContents(pool, Date.now() - contentMs, BATCH));
  const keptMs = Math.max(historyMs, KEPT_AT_LEAST_MS);
  const eventsRemoved = await inBatches(BATCH, beat, () => removeEvents(pool, Date.now() - keptMs, BATCH));
  await inBatches(BATCH, beat, () => forgetRefusals(pool, BATCH));
  return { overdue, contentsForgotten, eventsRemoved };
}
