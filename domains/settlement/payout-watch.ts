import type { Platform } from '../../infra/platform/platform';
import { listBusinesses } from '../merchants';
import { deliverEvents, storeEvent } from '../webhooks';
import { type SettlementDeps, settlementDeps } from './deps';
import { settlementEvent } from './event-payloads';
import { lookAtIntervals } from './look-at-intervals';
import { type AgedPayouts, agedPayouts } from './store/payouts';

const PAGE = 500;

/** Looks for payouts that are in transit for too long at once, then at intervals, until the process closes. */
export function startPayoutWatch(platform: Platform): void {
  const deps = settlementDeps(platform);
  const look = async () => {
    await watchPayouts(deps).catch((error: unknown) => {
      deps.log.warn({ err: error }, 'could not look for payouts in transit');
    });
  };
  lookAtIntervals(platform, look, deps.config.WAYBILL_SETTLEMENT_WATCH_INTERVAL);
}

/**
 * Looks for payouts that no bank file has confirmed in time, and raises the alarm: metrics and, once for each further
 * day whose payouts become overdue, the event `settlement.payouts_overdue`.
 *
 * @returns how many businesses have such payouts
 */
export async function watchPayouts(deps: SettlementDeps, now = new Date()): Promise<number> {
  const before = new Date(now.getTime() - deps.config.WAYBILL_PAYOUT_OVERDUE_AFTER);
  const overdue: AgedPayouts[] = [];
  for (let after: string | undefined; ; ) {
    const businesses = await listBusinesses(deps.pool, after, PAGE);
    const tenants = businesses.map(({ tenantId }) => tenantId);
    overdue.push(...(await agedPayouts(deps.pool, tenants, before)));
    after = tenants.at(-1);
    if (businesses.length < PAGE) break;
  }
  deps.metrics.payoutsOverdue.set(overdue.length);
  const waits = overdue.map(({ since }) => (now.getTime() - since.getTime()) / 1_000);
  deps.metrics.oldestPayout.set(waits.reduce((longest, one) => Math.max(longest, one), 0));
  for (const found of overdue) {
    // The others are told all the same.
    await raise(deps, found).catch((error) => {
      deps.log.error({ err: error, tenantId: found.tenantId }, 'could not tell of payouts in transit');
    });
  }
  return overdue.length;
}

async function raise(deps: SettlementDeps, { tenantId, oldest, newest, since }: AgedPayouts): Promise<void> {
  deps.log.warn({ tenantId, oldest, newest }, 'payouts are in transit for too long');
  const payload = { oldestDate: oldest, newestDate: newest, inTransitSince: since.toISOString() };
  const event = await storeEvent(deps.pool, settlementEvent(tenantId, 'settlement.payouts_overdue', newest, payload));
  await deliverEvents(deps, [event]);
}
