import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { BulkReport, PreferenceActivities } from '../../activities/preferences';
import type { BulkSuppressionInput } from '../../domains/preferences/rules/bulk';
import { BULK_PROGRESS, CANCEL_BULK } from '../../domains/preferences/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

export const bulkProgress = defineQuery<BulkReport | null>(BULK_PROGRESS);
export const cancelBulk = defineUpdate<string, []>(CANCEL_BULK);

/** An hour of failures, and somebody has to look. */
const { bulkSuppressionRound } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 65 },
});

const { cancelBulkSuppression, failBulkSuppression } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
});

/**
 * Suppresses the rows of a bulk suppression, round by round. Where it stands is in the database, so that this workflow may be
 * reset, terminated or lost at any moment, and another goes on.
 */
export async function bulkSuppression({ bulkId, tenantId }: BulkSuppressionInput): Promise<BulkReport> {
  let report: BulkReport | null = null;
  let shown = '';
  setHandler(bulkProgress, () => report, { description: 'Where the bulk suppression stands' });
  setHandler(cancelBulk, () => cancelBulkSuppression(tenantId, bulkId), {
    description: 'Leave the rows that are not done as they are',
  });
  setCurrentDetails(`Carries out ${bulkId}.`);
  for (;;) {
    report = await round(bulkId);
    setCurrentDetails(describe(report));
    if (report.state !== shown) {
      shown = report.state;
      upsertSearchAttributes([{ key: WAYBILL_STATE, value: shown }]);
    }
    const goesOn = report.state === 'running' || report.state === 'cancelling';
    if (!goesOn || workflowInfo().continueAsNewSuggested) await condition(allHandlersFinished);
    if (!goesOn) return report;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof bulkSuppression>({ bulkId, tenantId });
  }
}

async function round(bulkId: string): Promise<BulkReport> {
  try {
    return await bulkSuppressionRound(bulkId);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return failBulkSuppression(bulkId);
  }
}

function describe({ state, dryRun, total, done, counts, stoppedSends }: BulkReport): string {
  const { added, extended, already_suppressed: already, invalid, refused } = counts;
  return [
    `**${state}**${dryRun ? ', a dry run' : ''}: ${done} of ${total} rows done.`,
    `${added} added, ${extended} extended, ${already} suppressed already, ${invalid} invalid, ${refused} refused.`,
    `${stoppedSends} pending sends were stopped.`,
  ].join('\n\n');
}
