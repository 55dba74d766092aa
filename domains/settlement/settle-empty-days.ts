import { newId, type PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { addDays, type BusinessDay, businessDay, requireBusiness } from '../merchants';
import { deliverEvents, type StoredEvent } from '../webhooks';
import type { SettlementDeps } from './deps';
import { sumUpDay } from './rules/day-totals';
import { sealDay } from './seal-day';
import { concludeRun } from './settle-day';
import { carriesOver, hasOpenItems } from './store/quiet-days';
import { closeClaim } from './store/settlement-claim';
import { ensureRun, startRun } from './store/settlement-runs';

/** Days that one transaction settles: others who write to the tenant's audit log wait for it. */
const AT_ONCE = 31;

/** Missed days, from the first unsettled one up to and without another, `YYYY-MM-DD`. */
export interface EmptyDays {
  tenantId: PublicId;
  from: string;
  before: string;
  /** What they are settled by. */
  workflowId: string;
  /** How many at most. */
  max: number;
}

/**
 * Settles days that have no statements, because nothing happened on them and nothing is carried over: each gets its run,
 * its entry in the audit log and its event, all in one transaction.
 *
 * @returns the dates, in order; none when the first one is not such a day
 */
export async function settleEmptyDays(deps: SettlementDeps, days: EmptyDays): Promise<string[]> {
  const { pool } = deps;
  const { tenantId, from, before, workflowId, max } = days;
  const business = await requireBusiness(pool, tenantId);
  const periods: BusinessDay[] = [];
  for (let date = from; date < before && periods.length < Math.min(max, AT_ONCE); date = addDays(date, 1)) {
    const day = businessDay(date, business);
    if (day.end.getTime() + business.graceMs > Date.now()) break;
    periods.push(day);
  }
  const last = periods.at(-1);
  if (last === undefined) return [];
  const summary = { ...sumUpDay().result(), items: '0', late: '0', setAside: 0 };
  // Of nothing, which is what a run has that nobody made: the same for every one of them. Made before the transaction, so
  // that nobody waits for a second connection while holding one.
  const seal = await sealDay(pool, newId('set'));
  const settled: string[] = [];
  const events: StoredEvent[] = [];
  await inTransaction(pool, async (db) => {
    if (await hasOpenItems(db, tenantId, last.end)) return;
    if (await carriesOver(db, tenantId, from, last.date)) return;
    for (const day of periods) {
      await ensureRun(db, { tenantId, day, timeZone: business.timeZone, trigger: 'missed', workflowId });
      const run = await startRun(db, tenantId, day.date);
      if (run === undefined) throw new Error('the run is gone');
      // Somebody else is at it, or a change of the cut-off has moved its end.
      if (run.state !== 'running' || run.workflowId !== workflowId || run.periodEnd > last.end) break;
      await closeClaim(db, run.id);
      const event = await concludeRun(db, run, { summary, seal });
      if (event === undefined) throw new Error('the run is not running');
      events.push(event);
      settled.push(day.date);
    }
  });
  await deliverEvents(deps, events);
  deps.metrics.runs.inc({ outcome: 'completed' }, settled.length);
  return settled;
}
