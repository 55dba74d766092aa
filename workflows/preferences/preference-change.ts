import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { CommitResult, PreferenceActivities } from '../../activities/preferences';
import type { PreferenceChangeInput } from '../../domains/preferences/rules/change-command';
import { COMMITTED } from '../../domains/preferences/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

const { commitPreferenceChange } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '10 seconds',
  // Later it would be refused: nobody waits for it any more.
  scheduleToCloseTimeout: '15 seconds',
  retry: { initialInterval: '100 milliseconds', maximumInterval: '2 seconds', maximumAttempts: 20 },
});

const { concernedByChange, forgetCachedDecisions, concludePreferenceChange } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
});

const { cancelPendingSends } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '1 minute' },
});

/** Answered once the change is committed or refused; null when it could be neither, and whoever asked may commit it. */
export const committed = defineUpdate<CommitResult | null>(COMMITTED);

/** How far what follows a change has got, for the run that goes on. */
interface Followed {
  after: string | null;
  suppressed: number;
}

/**
 * Changes what somebody wants to be sent: the change is committed, which answers whoever asked; then what was decided
 * before is forgotten, what is pending for them is decided about anew, and the tenant's endpoints are told. A change that was
 * committed elsewhere is only followed. Each step may happen twice and is one all the same.
 *
 * @param input - `command`: null for a change that is committed
 */
export async function preferenceChange(
  { changeId, command }: PreferenceChangeInput,
  { after, suppressed: suppressedBefore }: Followed = { after: null, suppressed: 0 },
): Promise<CommitResult | null> {
  let result: CommitResult | null | undefined;
  let suppressed = suppressedBefore;
  setHandler(
    committed,
    async () => {
      await condition(() => result !== undefined);
      return result ?? null;
    },
    { description: 'Wait until the change is committed, or refused' },
  );
  result = command === null ? null : await commitPreferenceChange(command).catch(() => null);
  if (result?.outcome === 'refused') {
    end('refused', `It was refused: ${result.detail}`);
    await condition(allHandlersFinished);
    return result;
  }
  setCurrentDetails(
    result === null ? 'It is committed elsewhere, or not at all.' : `Version ${result.version} is committed.`,
  );
  for (let next = after, page = 0; page === 0 || next !== null; page++) {
    const concerned = await concernedByChange(changeId, next);
    await forgetCachedDecisions(concerned.subscriberIds);
    for (const subscriberId of concerned.subscriberIds) {
      suppressed += (await cancelPendingSends(subscriberId)).suppressed;
    }
    next = concerned.next;
    if (next !== null && workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof preferenceChange>({ changeId, command: null }, { after: next, suppressed });
    }
  }
  const told = await concludePreferenceChange(changeId);
  end(
    told || result !== null ? 'done' : 'nothing',
    `${result === null ? '' : `Version ${result.version} is committed. `}${suppressed} pending sends were suppressed. ` +
      (told ? 'Endpoints are told.' : 'There was nothing left to tell.'),
  );
  await condition(allHandlersFinished);
  return result;
}

function end(state: string, details: string): void {
  setCurrentDetails(details);
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: state }]);
}
