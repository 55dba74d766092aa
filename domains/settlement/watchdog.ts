import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Config } from '../../infra/config';
import type { Logger } from '../../infra/log';
import type { Metrics } from '../../infra/observability/metrics';
import { addDays, lastClosedDate, lastCutoff } from '../merchants/rules/business-day';
import { type Business, listBusinesses } from '../merchants/store/businesses';
import { coverEvent, storeEvent } from '../webhooks/publishing/publish-event';
import { lastCompletedDate } from './store/settlement-runs';

const PAGE = 500;

export interface WatchdogDeps {
  pool: Pool;
  client: Client;
  config: Config;
  metrics: Metrics;
  log: Logger;
}

/**
 * Looks for businesses whose last closed day should have been settled by now, and raises the alarm: a metric, and once a
 * day and business the event `settlement.overdue`. It stands apart from Temporal's Schedules, so that it also notices
 * when these do not fire.
 *
 * @returns how many are overdue
 */
export async function watchSettlements(deps: WatchdogDeps, now = new Date()): Promise<number> {
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
        // The others are looked at all the same.
        deps.log.error({ err: error, tenantId: business.tenantId }, 'could not look whether a settlement is overdue');
      }
    }
    after = businesses.at(-1)?.tenantId;
    if (businesses.length < PAGE) break;
  }
  deps.metrics.settlementsOverdue.set(overdue);
  return overdue;
}

/** The first day that is late, if one is. */
async function overdueDate({ pool, config }: WatchdogDeps, business: Business, now: Date): Promise<string | undefined> {
  const last = await lastCompletedDate(pool, business.tenantId);
  const date = last === undefined ? business.firstDate : addDays(last, 1);
  if (date > lastClosedDate(now, business)) return undefined;
  const dueAt = lastCutoff(date, business).getTime() + business.graceMs + config.WAYBILL_SETTLEMENT_OVERDUE_AFTER;
  return now.getTime() > dueAt ? date : undefined;
}

/** @param closed - the last day that is over: the tenant is told once for each, as long as `date` is not settled */
async function raise(
  { pool, client, config, log }: WatchdogDeps,
  { tenantId }: Business,
  date: string,
  closed: string,
): Promise<void> {
  log.error({ tenantId, date }, 'a business day is not settled in time');
  const event = await storeEvent(pool, {
    tenantId,
    eventType: 'settlement.overdue',
    eventId: `settlement.overdue/${date}/${closed}`,
    payload: { date },
  });
  await coverEvent(client, config, event).catch((error) => {
    log.warn({ err: error, workflowId: event.workflowId }, 'could not start the delivery of an event');
  });
}
