import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { businessDateAt, findBusiness } from '../merchants';
import { noSettlement, SettlementRefusal } from './refusals';
import type { SettledDay } from './rules/statement';
import { findRun } from './store/settlement-runs';

/**
 * A day whose settlement has ended: completed, or held for review.
 *
 * @throws SettlementRefusal `no-settlement` for a day that has no settlement, `not-settled` while it is open or being settled
 */
export async function settledDay(db: Queryable, tenantId: PublicId, date: string): Promise<SettledDay> {
  const run = await findRun(db, tenantId, date);
  if (run === undefined) {
    const business = await findBusiness(db, tenantId);
    const open = business !== undefined && businessDateAt(new Date(), business) === date;
    if (open) throw new SettlementRefusal('not-settled', 'The business day is still open.');
    throw noSettlement();
  }
  const { state, timeZone, periodStart, periodEnd, createdAt, finishedAt } = run;
  if (state !== 'completed' && state !== 'needs_review') {
    throw new SettlementRefusal('not-settled', `The settlement of the day is ${state}.`);
  }
  return { runId: run.id, date, timeZone, periodStart, periodEnd, state, settledAt: finishedAt ?? createdAt };
}
