import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ErasedCounts, PreferenceActivities } from '../../activities/preferences';
import { ERASED_KINDS, type ErasedKind } from '../../domains/preferences/rules/erasure';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

const { forgetCachedDecisions, concludeSubscriberErasure } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
});

const { eraseNotifications } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
});

const LEAST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Ends the erasure of a subscriber, whose profile, addresses and key are gone already: what they were to be sent is
 * cancelled, what they were told is forgotten, and the tenant's endpoints are told. What was handed over before the erasure
 * is waited for, so that nothing is kept of how it ends. Each step may happen twice and is one all the same.
 */
export async function subscriberErasure(subscriberId: string): Promise<ErasedCounts | null> {
  setCurrentDetails('Who they were is gone; what they were sent is going.');
  await forgetCachedDecisions([subscriberId]);
  for (;;) {
    const { inFlight, nextInMs } = await eraseNotifications(subscriberId);
    if (inFlight === 0) break;
    setCurrentDetails(`Waits for ${inFlight} sends that were handed over before; no new one begins.`);
    await sleep(Math.min(Math.max(nextInMs, LEAST_PAUSE_MS), LONGEST_PAUSE_MS));
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof subscriberErasure>(subscriberId);
  }
  const counts = await concludeSubscriberErasure(subscriberId);
  setCurrentDetails(counts === null ? 'It was done already.' : describe(counts));
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: counts === null ? 'nothing' : 'done' }]);
  return counts;
}

function describe(counts: ErasedCounts): string {
  const lines = Object.entries(ERASED_KINDS).map(([kind, what]) => `- ${counts[kind as ErasedKind] ?? 0} ${what}`);
  return ['**done**. The profile and the key are gone, and:', '', ...lines].join('\n');
}
