import type { Platform } from '../../infra/platform/platform';
import { type Business, businessDay, lastClosedDate } from '../merchants';
import { deliverEvents, storeEvent } from '../webhooks';
import { type SettlementDeps, settlementDeps } from './deps';
import { type NextDayOf, nextDays } from './due-days';
import { settlementEvent } from './event-payloads';
import { keepSchedules } from './keep-schedules';
import { lookAtIntervals } from './look-at-intervals';
import { countHolds } from './store/set-aside';

/** At once, then at intervals until the process closes: looks for overdue settlements, and puts Schedules right. */
export function startSettlementWatch(platform: Platform): void {
  const deps = settlementDeps(platform);
  const look = async () => {
    await watchSettlements(deps).catch((error: unknown) => {
      deps.log.warn({ err: error }, 'could not look for overdue settlements');
    });
    await tryToKeepSchedules(deps);
  };
  lookAtIntervals(platform, look, deps.config.WAYBILL_SETTLEMENT_WATCH_INTERVAL);
}

/** {@link keepSchedules}; it never rejects, since it is done again at the next look. */
export async function tryToKeepSchedules(deps: Parameters<typeof keepSchedules>[0]): Promise<void> {
  await keepSchedules(deps).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'could not look after the Schedules of settlements');
  });
}

/**
 * Looks for businesses whose last closed day should have been settled by now, and raises the alarm: a metric and the event
 * `settlement.overdue`, at once and again after each further day that ends meanwhile. It does not depend on Temporal's
 * Schedules, so it also notices when they do not fire.
 *
 * @returns how many are overdue
 */
export async function watchSettlements(deps: SettlementDeps, now = new Date()): Promise<number> {
  let overdue = 0;
  for await (const next of nextDays(deps.pool)) {
    const { business, date } = next;
    try {
      if (!isOverdue(next, deps.config.WAYBILL_SETTLEMENT_OVERDUE_AFTER, now)) continue;
      overdue++;
      await raise(deps, business, date, lastClosedDate(now, business));
    } catch (error) {
      // The other businesses are checked all the same.
      deps.log.error({ err: error, tenantId: business.tenantId }, 'could not look whether a settlement is overdue');
    }
  }
  deps.metrics.overdue.set(overdue);
  deps.metrics.setAside.set(await countHolds(deps.pool));
  return overdue;
}

/** A day that was over before the business said when its days end could not be settled before that. */
function isOverdue({ business, date }: NextDayOf, afterMs: number, now: Date): boolean {
  if (date > lastClosedDate(now, business)) return false;
  const since = Math.max(businessDay(date, business).end.getTime(), business.daysChangedAt.getTime());
  return now.getTime() > since + business.graceMs + afterMs;
}

/** @param closed - the last day that is over: the tenant is told once for each, as long as `date` is not settled */
async function raise(deps: SettlementDeps, { tenantId }: Business, date: string, closed: string): Promise<void> {
  const { pool, log } = deps;
  log.error({ tenantId, date }, 'a business day is not settled in time');
  const event = await storeEvent(pool, settlementEvent(tenantId, 'settlement.overdue', `${date}/${closed}`, { date }));
  await deliverEvents(deps, [event]);
}
