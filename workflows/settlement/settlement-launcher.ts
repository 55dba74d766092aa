import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  executeChild,
  ParentClosePolicy,
  patched,
  proxyActivities,
  setCurrentDetails,
  sleep,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { SettlementActivities } from '../../activities/settlement';
import { settlementWorkflowId } from '../../domains/settlement/rules/workflow-names';
import { DATABASE_RETRY } from '../kit/retry-policies';
import type { settlementDay } from './settlement-day';

export interface SettlementLauncherInput {
  tenantId: string;
  /** Settles up to this day, `YYYY-MM-DD`; by default the last one that was over when the Schedule was due. */
  upTo?: string;
  trigger?: 'schedule' | 'manual' | 'retry';
}

const { nextUnsettledDay } = proxyActivities<SettlementActivities>({
  startToCloseTimeout: '10 seconds',
  retry: DATABASE_RETRY,
});

/** Over many days: with a heartbeat after each. */
const { settleQuietDays } = proxyActivities<SettlementActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '2 minutes',
  retry: DATABASE_RETRY,
});

/** Another launcher may be settling the same day: how long to wait before looking again, and how many times. */
const WAIT_MS = 2_000;
const MAX_WAITS = 1_800;

/** At most a year of missed days in one run; the next run continues. */
const MAX_DAYS = 366;

/**
 * Settles every day that is over and not settled yet, in order, each by a `settlementDay` of its own but for
 * missed days on which nothing happened. Started by the
 * business's Schedule at its cut-off, and by the API. Stops at a day that fails or needs a review: later days open with
 * what that one closes with.
 */
export async function settlementLauncher(input: SettlementLauncherInput): Promise<{ settled: string[] }> {
  const { tenantId, upTo, trigger = 'schedule' } = input;
  const settled: string[] = [];
  for (let waits = 0; settled.length < MAX_DAYS && waits < MAX_WAITS; ) {
    const until = upTo === undefined ? { at: scheduledAt() } : { upTo };
    const next = await nextUnsettledDay({ tenantId, ...until });
    if (next === null) break;
    if (next.state === 'failed' || next.state === 'needs_review') {
      throw ApplicationFailure.nonRetryable(`the settlement of ${next.date} ${next.state}: retry it first`, 'Blocked');
    }
    if (next.missed && next.state === null && patched('quiet-days')) {
      const max = MAX_DAYS - settled.length;
      const quiet = await settleQuietDays({ tenantId, ...until, workflowId: workflowInfo().workflowId, max });
      settled.push(...quiet);
      if (quiet.length > 0) continue;
    }
    setCurrentDetails(`Settling **${next.date}**. Settled before: ${settled.join(', ') || 'none'}.`);
    try {
      const { settledBefore } = await executeChild<typeof settlementDay>('settlementDay', {
        workflowId: settlementWorkflowId(tenantId, next.date),
        // The database decides whether a day is settled: it may have been restored to before it was.
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Settlement of ${next.date}`,
        args: [{ tenantId, date: next.date, trigger: next.missed ? 'missed' : trigger }],
      });
      // Another launcher may have settled it since we looked.
      if (settledBefore === true) waits++;
      else settled.push(next.date);
    } catch (error) {
      if (error instanceof ChildWorkflowFailure) {
        throw ApplicationFailure.nonRetryable(`the settlement of ${next.date} did not complete`, 'Blocked');
      }
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      waits++;
      await sleep(WAIT_MS);
    }
  }
  setCurrentDetails(settled.length === 0 ? 'Nothing was left to settle.' : `Settled ${settled.join(', ')}.`);
  return { settled };
}

/** When the Schedule was due, however late it is now; that moment decides which day is over. */
function scheduledAt(): string {
  const { searchAttributes, startTime } = workflowInfo();
  const [due] = searchAttributes.TemporalScheduledStartTime ?? [];
  return (due instanceof Date ? due : startTime).toISOString();
}
