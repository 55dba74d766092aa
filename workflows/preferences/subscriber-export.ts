import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExportReport, PreferenceActivities } from '../../activities/preferences';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

const { collectSubscriberExport } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '1 minute',
  // A day and a half; then the sweep starts it anew.
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 minutes', maximumAttempts: 500 },
});

/**
 * Collects everything held about a subscriber. How far it has got is in the database, so that it may be stopped anywhere and
 * another run goes on; nothing of what is collected comes here.
 */
export async function subscriberExport(exportId: string): Promise<ExportReport> {
  setCurrentDetails('**collecting**');
  for (;;) {
    const report = await collectSubscriberExport(exportId);
    setCurrentDetails(describe(report));
    if (report.state !== 'collecting') {
      upsertSearchAttributes([{ key: WAYBILL_STATE, value: report.state }]);
      return report;
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof subscriberExport>(exportId);
  }
}

function describe({ state, counts, bytes }: ExportReport): string {
  if (state === 'gone') return '**gone**: the subscriber was erased meanwhile, or it has expired.';
  const lines = Object.entries(counts).map(([part, count]) => `- ${part}: ${count}`);
  return [`**${state}**: ${bytes} bytes.`, '', ...lines].join('\n');
}
