import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from '../../infra/log';
import type { PlatformConfig } from '../../infra/platform/config';
import type { Platform } from '../../infra/platform/platform';
import { type SettlementConfig, settlementConfig } from './config';
import { type SettlementMetrics, settlementMetrics } from './metrics';

/** What the settlement use cases need. */
export interface SettlementDeps {
  pool: Pool;
  client: Client;
  config: PlatformConfig & SettlementConfig;
  metrics: SettlementMetrics;
  log: Logger;
}

export function settlementDeps({ pool, client, config, settings, metrics, log }: Platform): SettlementDeps {
  return {
    pool,
    client,
    config: { ...config, ...settings.of(settlementConfig) },
    metrics: metrics.of(settlementMetrics),
    log,
  };
}
