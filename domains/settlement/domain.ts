import type { Domain } from '../../infra/platform/domain';
import { settlementConfig } from './config';
import { startPayoutWatch } from './payout-watch';
import { ensureSettlementSchedules } from './settlement-schedule';
import { startSettlementWatch } from './watchdog';

export const settlement: Domain = {
  name: 'settlement',
  config: settlementConfig,
  scopes: ['finance:settle'],
  prepare: ensureSettlementSchedules,
  watch: (platform) => {
    startSettlementWatch(platform);
    startPayoutWatch(platform);
  },
};
