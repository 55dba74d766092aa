import type { PublicId } from '../../core/ids';
import { type Business, businessDay, lastClosedDate, requireBusiness } from '../merchants';
import type { SettlementDeps } from './deps';
import { nextUnsettledDay, openDay } from './open-day';
import type { Beat } from './pages';
import { checkDay, claimDay, completeDay, computeDay, postDay } from './settle-day';
import { settleEmptyDays } from './settle-empty-days';
import { carriesOver, hasOpenItems } from './store/quiet-days';

export interface QuietDays {
  tenantId: PublicId;
  /** Days up to this one, `YYYY-MM-DD`, or up to the last that was over at `at`, an ISO moment; see `nextUnsettledDay`. */
  upTo?: string;
  at?: string;
  /** What the days are settled by. */
  workflowId: string;
  /** How many at most. */
  max: number;
}

/**
 * Settles missed days on which nothing happened, in order, up to the first on which something did, and never the last
 * day: that one, and any on which something is wrong, has a workflow of its own. A year of them takes seconds; a
 * workflow each took minutes.
 *
 * @returns the dates
 */
export async function settleQuietDays(deps: SettlementDeps, wanted: QuietDays, beat: Beat): Promise<string[]> {
  const { pool } = deps;
  const { tenantId, workflowId, max, ...until } = wanted;
  const settled: string[] = [];
  while (settled.length < max) {
    const next = await nextUnsettledDay(pool, { tenantId, ...until });
    if (next === null || !next.missed || next.state !== null) break;
    const { date } = next;
    const business = await requireBusiness(pool, tenantId);
    const empty = await settleEmptyDays(deps, {
      tenantId,
      from: date,
      before: lastDay(business, until),
      workflowId,
      max: max - settled.length,
    });
    settled.push(...empty);
    if (empty.length > 0) {
      beat();
      continue;
    }
    if (await hasOpenItems(pool, tenantId, businessDay(date, business).end)) break;
    const day = { tenantId, date };
    const opened = await openDay(pool, { ...day, trigger: 'missed', workflowId });
    if (opened.waitMs > 0 || !(await settleWhatThereIs(deps, day, beat))) break;
    settled.push(date);
    beat();
  }
  return settled;
}

function lastDay(business: Business, { upTo, at }: Pick<QuietDays, 'upTo' | 'at'>): string {
  const closed = lastClosedDate(at === undefined ? new Date() : new Date(at), business);
  return upTo === undefined || upTo > closed ? closed : upTo;
}

/** @returns false when an invariant does not hold: the day is left as it is, for its own workflow to find the same */
async function settleWhatThereIs(
  deps: SettlementDeps,
  day: { tenantId: PublicId; date: string },
  beat: Beat,
): Promise<boolean> {
  const { pool } = deps;
  // A changed cut-off may have moved the day's end past items.
  const { items } = await claimDay(pool, day, beat);
  if (items !== '0' || (await carriesOver(pool, day.tenantId, day.date))) {
    await computeDay(deps, day, beat);
    if ((await checkDay(pool, day, beat)).length > 0) return false;
    if ((await postDay(deps, day, beat)).length > 0) return false;
  }
  await completeDay(deps, day);
  return true;
}
