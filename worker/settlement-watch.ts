import { listBusinesses } from '../domains/merchants/store/businesses';
import { ensureSettlementSchedule } from '../domains/settlement/settlement-schedule';
import { type WatchdogDeps, watchSettlements } from '../domains/settlement/watchdog';

const PAGE = 500;

/** Looks at once and then again and again, until it is told to stop. */
export function startSettlementWatch(deps: WatchdogDeps): { stop(): void } {
  const look = () => {
    watchSettlements(deps).catch((error) => deps.log.warn({ err: error }, 'could not look for overdue settlements'));
  };
  look();
  const timer = setInterval(look, deps.config.WAYBILL_SETTLEMENT_WATCH_INTERVAL);
  return { stop: () => clearInterval(timer) };
}

/** Sees to it that every business has its Schedule. One that Temporal refuses keeps no other from having its own. */
export async function ensureSettlementSchedules({ pool, client, config, log }: WatchdogDeps): Promise<void> {
  for (let after: string | undefined; ; ) {
    const businesses = await listBusinesses(pool, after, PAGE);
    for (const business of businesses) {
      await ensureSettlementSchedule(client, config.WAYBILL_TASK_QUEUE, business).catch((error: unknown) => {
        // The client's error for what the server finds invalid, such as a time zone that it does not know.
        if (!(error instanceof TypeError)) throw error;
        log.error({ err: error, tenantId: business.tenantId }, 'a business has no Schedule: its days are not settled');
      });
    }
    after = businesses.at(-1)?.tenantId;
    if (businesses.length < PAGE) return;
  }
}
