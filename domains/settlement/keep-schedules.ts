import { UnknownTimeZone } from '../../core/zone-rules';
import type { Platform } from '../../infra/platform/platform';
import { inTime } from '../../infra/temporal/in-time';
import { listSchedules } from '../../infra/temporal/schedules';
import { type Business, lastClosedDate } from '../merchants';
import { isDue, type NextDayOf, nextDays } from './due-days';
import { SettlementRefusal } from './refusals';
import { settlementLauncherId } from './rules/workflow-names';
import { conditionOf, ensureSettlementSchedule } from './settlement-schedule';
import { type Starter, startSettlement } from './start';

type Deps = Pick<Platform, 'pool' | 'log'> & Starter;

/** When so many businesses in a row cannot be served, it is Temporal that does not answer. */
const GIVE_UP_AFTER = 3;

/** There is a month's time for those that still fire as they should; those that do not come first. */
const MOST_RENEWED = 100;

/** A Schedule that fired just now has not begun with the day yet. */
const FIRING_MS = 10_000;

/**
 * Gives every business whose Schedule is missing or fires at other moments than its days end the right one, and has days
 * settled that are over and that nobody has begun with: a Schedule that was put right fires at what comes, not at what
 * was. What a change of the business could not do, because Temporal was away or the process ended, is done here.
 *
 * A Schedule that somebody has paused is left alone, and so are its days. A business that cannot be served keeps no other
 * from it.
 *
 * @returns the tenants whose Schedule was put right, and those whose days are being settled
 */
export async function keepSchedules(
  deps: Deps,
  now = new Date(),
): Promise<{ scheduled: Business['tenantId'][]; started: Business['tenantId'][] }> {
  const { pool, client, config, log } = deps;
  const listed = await inTime(listSchedules(client, settlementLauncherId('')));
  const done = { scheduled: [] as Business['tenantId'][], started: [] as Business['tenantId'][] };
  let [failures, renewed] = [0, 0];
  for await (const next of nextDays(pool)) {
    const { business } = next;
    const schedule = listed.get(settlementLauncherId(business.tenantId));
    try {
      const condition = conditionOf(schedule, business, { config, now });
      if (condition === 'wrong' || (condition === 'old' && renewed++ < MOST_RENEWED)) {
        await inTime(ensureSettlementSchedule(deps, business, now));
        done.scheduled.push(business.tenantId);
      }
      const over = new Date(now.getTime() - FIRING_MS);
      if (schedule?.paused !== true && (await settleIfDue(deps, next, over))) done.started.push(business.tenantId);
      failures = 0;
    } catch (error) {
      log.error({ err: error, tenantId: business.tenantId }, "could not look after a business's Schedule");
      if (!(error instanceof UnknownTimeZone) && ++failures === GIVE_UP_AFTER) throw error;
    }
  }
  return done;
}

/**
 * Has the days of a business settled that were over at a moment, unless somebody has begun with them.
 *
 * @returns whether that was begun
 */
export async function settleIfDue(deps: Starter, next: NextDayOf, at: Date): Promise<boolean> {
  if (!isDue(next, at)) return false;
  const { business } = next;
  try {
    const upTo = lastClosedDate(at, business);
    await startSettlement(deps, { tenantId: business.tenantId, upTo, trigger: 'schedule' });
    return true;
  } catch (error) {
    if (error instanceof SettlementRefusal && error.code === 'running') return false;
    throw error;
  }
}
