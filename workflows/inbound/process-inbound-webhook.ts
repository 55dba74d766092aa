import {
  continueAsNew,
  defineQuery,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { InboundActivities } from '../../activities/inbound';
import { INBOUND_PROGRESS } from '../../domains/inbound/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { untilQuiet } from '../kit/until-quiet';

const { processInboundEvents } = proxyActivities<InboundActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** What has become of the events so far. */
export interface InboundProgress {
  processed: number;
  /** Given up. */
  failed: number;
  /** Still to be processed. */
  open: number;
}

export const inboundProgress = defineQuery<InboundProgress>(INBOUND_PROGRESS);

const NOTHING_YET: InboundProgress = { processed: 0, failed: 0, open: 0 };

/**
 * Processes verified inbound events, one or many that were accepted close together, until each has become a message, was
 * handled, or has failed. It finds them by its own id, so its input and history hold none of their content, and its work
 * does not grow with theirs.
 *
 * @param before - of the run that this one continues
 */
export async function processInboundWebhook(before: InboundProgress = NOTHING_YET): Promise<InboundProgress> {
  let progress = before;
  setHandler(inboundProgress, () => progress, { description: 'What has become of the events' });
  await untilQuiet(async () => {
    for (;;) {
      const { processed, failed, open, nextInMs } = await processInboundEvents();
      progress = { processed: progress.processed + processed, failed: progress.failed + failed, open };
      setCurrentDetails(describe(progress, nextInMs));
      if (open === 0) return;
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof processInboundWebhook>(progress);
      if (nextInMs > 0) await sleep(nextInMs);
    }
  });
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: progress.failed > 0 ? 'failed' : 'processed' }]);
  return progress;
}

function describe({ processed, failed, open }: InboundProgress, nextInMs: number): string {
  const lines = [`- ${processed} processed`];
  if (failed > 0) lines.push(`- ${failed} failed; they can be retried: \`POST /v1/inbound/events/{id}/retry\``);
  if (open > 0) lines.push(`- ${open} to be processed, the next in ${Math.ceil(nextInMs / 1_000)} s`);
  return lines.join('\n');
}
