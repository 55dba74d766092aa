import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { addDays, type Business, businessDay, requireBusiness } from '../merchants';
import { SettlementRefusal, stillRunning } from './refusals';
import { closedDate } from './requested-day';
import { settlementWorkflowId } from './rules/workflow-names';
import { isBeingSettled, type Starter, startSettlement } from './start';
import { ensureRun, findRun, lastCompletedDate, type SettlementRun } from './store/settlement-runs';

/**
 * Has a day settled, after every earlier one that is not settled yet.
 *
 * @param wanted - `YYYY-MM-DD`; by default the last day that is over
 * @returns its run, and whether it was completed before
 * @throws SettlementRefusal when it is not over, is being settled, or has to be retried, or an earlier one has to be
 */
export async function triggerSettlement(
  deps: Starter & { pool: Pool },
  tenantId: PublicId,
  wanted: string | undefined,
): Promise<{ run: SettlementRun; completed: boolean }> {
  const { pool } = deps;
  const business = await requireBusiness(pool, tenantId);
  const date = closedDate(business, wanted);
  const known = await findRun(pool, tenantId, date);
  if (known?.state === 'completed') return { run: known, completed: true };
  await refuseBehindBlocked(pool, business, date);
  const run = await ensureRun(pool, {
    tenantId,
    day: businessDay(date, business),
    timeZone: business.timeZone,
    trigger: 'manual',
    workflowId: settlementWorkflowId(tenantId, date),
  });
  if (run.state === 'completed') return { run, completed: true };
  if (run.state === 'failed' || run.state === 'needs_review') {
    throw new SettlementRefusal('use-retry', `The settlement of ${date} ${run.state}: use retry.`);
  }
  if (await isBeingSettled(deps, run.workflowId)) throw stillRunning(date);
  await startSettlement(deps, { tenantId, upTo: date, trigger: 'manual' });
  return { run, completed: false };
}

/** @throws SettlementRefusal when an earlier day has to be retried first: the later one could not be settled */
async function refuseBehindBlocked(pool: Pool, { tenantId, firstDate }: Business, date: string): Promise<void> {
  const last = await lastCompletedDate(pool, tenantId);
  const next = last === undefined ? firstDate : addDays(last, 1);
  if (next >= date) return;
  const state = (await findRun(pool, tenantId, next))?.state;
  if (state !== 'failed' && state !== 'needs_review') return;
  throw new SettlementRefusal(
    'earlier-day-blocked',
    `Days are settled in their order, and the settlement of ${next} ${state}: retry it first.`,
  );
}
