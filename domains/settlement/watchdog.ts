import type { Platform } from '../../infra/platform/platform';
import { addDays, type Business, lastClosedDate, lastCutoff, listBusinesses } from '../merchants';
import { storeEvent } from '../webhooks';
import { announce } from './announce';
import { type SettlementDeps, settlementDeps } from './deps';
import { countHolds } from './store/set-aside';
import { lastCompletedDate } from './store/settlement-runs';

const PAGE = 500;

/** Looks for overdue settlements at once, then at intervals, until the process closes. */
export function startSettlementWatch(platform: Platform): void {
  const deps = settlementDeps(platform);
  const look = () => {
    watchSettlements(deps).catch((error) => deps.log.warn({ err: error }, 'could not look for overdue settlements'));
  };
  look();
  const timer = setInterval(look, deps.config.WAYBILL_SETTLEMENT_WATCH_INTERVAL);
  platform.onClose(async () => clearInterval(timer));
}

/**
 * Looks for businesses whose last closed day should have been settled by now, and raises the alarm: a metric and, once
 * per day and business, the event `settlement.overdue`. It does not depend on Temporal's Schedules, so it also notices
 * when they do not fire.
 *
 * @returns how many are overdue
 */
export async function watchSettlements(deps: SettlementDeps, now = new Date()): Promise<number> {
  let overdue = 0;
  for (let after: string | undefined; ; ) {
    const businesses = await listBusinesses(deps.pool, after, PAGE);
    for (const business of businesses) {
      try {
        const date = await overdueDate(deps, business, now);
        if (date === undefined) continue;
        overdue++;
        await raise(deps, business, date, lastClosedDate(now, business));
      } catch (error) {
        // The other businesses are checked all the same.
        deps.log.error({ err: error, tenantId: business.tenantId }, 'could not look whether a settlement is overdue');
      }
    }
    after = businesses.at(-1)?.tenantId;
    if (businesses.length < PAGE) break;
  }
  deps.metrics.overdue.set(overdue);
  deps.metrics.setAside.set(await countHolds(deps.pool));
  return overdue;
}

/** The first overdue day, if there is one. */
async function overdueDate(
  { pool, config }: SettlementDeps,
  business: Business,
  now: Date,
): Promise<string | undefined> {
  const last = await lastCompletedDate(pool, business.tenantId);
  const date = last === undefined ? business.firstDate : addDays(last, 1);
  if (date > lastClosedDate(now, business)) return undefined;
  const dueAt = lastCutoff(date, business).getTime() + business.graceMs + config.WAYBILL_SETTLEMENT_OVERDUE_AFTER;
  return now.getTime() > dueAt ? date : undefined;
}

/** @param closed - the last day that is over: the tenant is told once for each, as long as `date` is not settled */
async function raise(deps: SettlementDeps, { tenantId }: Business, date: string, closed: string): Promise<void> {
  const { pool, log } = deps;
  log.error({ tenantId, date }, 'a business day is not settled in time');
  const event = await storeEvent(pool, {
    tenantId,
    eventType: 'settlement.overdue',
    eventId: `settlement.overdue/${date}/${closed}`,
    payload: { date },
  });
  await announce(deps, event);
}
