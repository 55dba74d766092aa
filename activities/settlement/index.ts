import { heartbeat } from '@temporalio/activity';
import type { PublicId } from '../../core/ids';
import {
  checkDay,
  claimDay,
  completeDay,
  computeDay,
  type DayRef,
  type HeldDay,
  holdDay,
  nextUnsettledDay,
  openDay,
  postDay,
  type QuietDays,
  type RunTrigger,
  settlementDeps,
  settleQuietDays,
} from '../../domains/settlement';
import type { Platform } from '../../infra/platform/platform';

export type { DaySummary } from '../../domains/settlement';

export type SettlementActivities = ReturnType<typeof createSettlementActivities>;

/** The steps of a settlement. Each can be repeated: it leaves alone what is done already. */
export function createSettlementActivities(platform: Platform) {
  const deps = settlementDeps(platform);
  const { pool } = deps;
  return {
    nextUnsettledDay: (input: { tenantId: PublicId; upTo?: string; at?: string }) => nextUnsettledDay(pool, input),
    settleQuietDays: (days: QuietDays) => settleQuietDays(deps, days, heartbeat),
    openDay: (input: DayRef & { trigger: RunTrigger; workflowId: string }) => openDay(pool, input),
    claimDay: (day: DayRef) => claimDay(pool, day, heartbeat),
    computeDay: (day: DayRef) => computeDay(deps, day, heartbeat),
    checkDay: (day: DayRef) => checkDay(pool, day, heartbeat),
    postDay: (day: DayRef) => postDay(deps, day, heartbeat),
    completeDay: (day: DayRef) => completeDay(deps, day),
    holdDay: (day: HeldDay) => holdDay(deps, day),
  };
}
