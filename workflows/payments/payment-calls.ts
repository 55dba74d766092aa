import { proxyActivities, proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { PaymentActivities } from '../../activities/payments';
import { type Policy, paced } from '../kit/retry-policies';
import { permanentType } from '../kit/rounds';

const OPTIONS = {
  /** Longer than the longest deadline of a call to the provider, which ends it first. */
  provider: { startToCloseTimeout: '40 seconds', heartbeatTimeout: '8 seconds' },
  /** A question and a call, one after the other. */
  round: { startToCloseTimeout: '90 seconds', heartbeatTimeout: '8 seconds' },
  database: { startToCloseTimeout: '20 seconds' },
} as const;

type Activities = ReturnType<typeof proxyLocalActivities<PaymentActivities>>;

/** Calls an activity, as often as its policy says. */
export type Calls = <T>(call: (activities: Activities) => Promise<T>) => Promise<T>;

/**
 * The first try runs within the workflow task, as a local activity: a payment that goes well costs the server one task
 * instead of four, which made it three times as fast. Further tries are ordinary activities with timers, which Web UI
 * shows. All of these activities may be repeated: if the worker dies before its task is reported, the whole task runs
 * again, with the same keys at the provider and the same references in the ledger.
 */
export function paymentCalls(kind: keyof typeof OPTIONS, policy: Policy, pace: number): Calls {
  const { startToCloseTimeout } = OPTIONS[kind];
  const here = proxyLocalActivities<PaymentActivities>({ startToCloseTimeout, retry: { maximumAttempts: 1 } });
  const { maximumAttempts, initialInterval } = policy;
  const rest: Policy = {
    ...policy,
    initialInterval: 2 * initialInterval,
    ...(maximumAttempts === undefined ? {} : { maximumAttempts: maximumAttempts - 1 }),
  };
  const later = proxyActivities<PaymentActivities>({ ...OPTIONS[kind], retry: paced(rest, pace) });
  return async (call) => {
    try {
      return await call(here);
    } catch (error) {
      if (permanentType(error) !== undefined) throw error;
    }
    await sleep(Math.max(1, Math.round(initialInterval * pace)));
    return call(later);
  };
}
