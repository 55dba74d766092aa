import type { Platform } from '../../infra/platform/platform';
import { settlementDeps } from './deps';
import { watchSettlements } from './watchdog';

/** Looks for overdue settlements at once and then again and again, until the process closes. */
export function startSettlementWatch(platform: Platform): void {
  const deps = settlementDeps(platform);
  const look = () => {
    watchSettlements(deps).catch((error) => deps.log.warn({ err: error }, 'could not look for overdue settlements'));
  };
  look();
  const timer = setInterval(look, deps.config.WAYBILL_SETTLEMENT_WATCH_INTERVAL);
  platform.onClose(async () => clearInterval(timer));
}
