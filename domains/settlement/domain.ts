import type { Domain } from '../../infra/platform/domain';
import { compareZones } from './compare-zones';
import { settlementConfig } from './config';
import { startPayoutWatch } from './payout-watch';
import { startSettlementWatch, tryToKeepSchedules } from './watchdog';

export const settlement: Domain = {
  name: 'settlement',
  config: settlementConfig,
  scopes: ['finance:settle'],
  async prepare(platform) {
    await compareZones(platform);
    await tryToKeepSchedules(platform);
  },
  watch: (platform) => {
    startSettlementWatch(platform);
    startPayoutWatch(platform);
  },
};
