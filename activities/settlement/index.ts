import type { PublicId } from '../../core/ids';
import {
  checkDay,
  claimDay,
  completeDay,
  computeDay,
  type DayRef,
  holdDay,
  nextUnsettledDay,
  openDay,
  postDay,
  settlementDeps,
} from '../../domains/settlement';
import type { Platform } from '../../infra/platform/platform';

export type SettlementActivities = ReturnType<typeof createSettlementActivities>;

/** The steps of a settlement. Each can be repeated: what is done already is left as it is. */
export function createSettlementActivities(platform: Platform) {
  const deps = settlementDeps(platform);
  return {
    /** The first day that is not settled, up to the last one that was closed at a moment; null when there is none. */
    nextUnsettledDay: (input: { tenantId: PublicId; upTo?: string; at?: string }) => nextUnsettledDay(deps.pool, input),
    /** Makes the run of a day, or takes up the one there is, and tells how long to wait for late commits. */
    openDay: (input: DayRef & { trigger: 'schedule' | 'manual' | 'retry' | 'missed'; workflowId: string }) =>
      openDay(deps.pool, input),
    /** Claims everything that belongs to the day. @returns how many items are in it */
    claimDay: (day: DayRef) => claimDay(deps.pool, day),
    /** Computes the statements. */
    computeDay: (day: DayRef) => computeDay(deps.pool, day),
    /** @returns the invariants that do not hold */
    checkDay: (day: DayRef) => checkDay(deps.pool, day),
    /** Posts settlements and payouts. @returns the invariants that do not hold; then nothing of the page is posted */
    postDay: (day: DayRef) => postDay(deps.pool, day),
    /** Completes the run, writes the audit log, and publishes `settlement.completed`. */
    completeDay: (day: DayRef) => completeDay(deps, day),
    /** Ends the run as failed or for review, and publishes it. */
    holdDay: (
      day: DayRef & {
        state: 'failed' | 'needs_review';
        error: string;
        breaches: { invariant: string; detail: string }[];
      },
    ) => holdDay(deps, day),
  };
}
