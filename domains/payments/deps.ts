import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from '../../infra/log';
import type { PlatformConfig } from '../../infra/platform/config';
import type { Platform } from '../../infra/platform/platform';
import type { Effect } from '../../infra/postgres/effect';
import { type ApprovalsConfig, approvalsConfig } from '../approvals';
import { type PaymentsConfig, paymentsConfig } from './config';
import { type PaymentMetrics, paymentMetrics } from './metrics';
import { createHttpProvider } from './provider/http-provider';
import type { PaymentProvider } from './provider/provider';
import { ProviderRefused } from './rules/errors';

/** What the payment use cases need. */
export interface PaymentDeps {
  pool: Pool;
  client: Client;
  config: PlatformConfig & ApprovalsConfig & PaymentsConfig;
  metrics: PaymentMetrics;
  log: Logger;
  /** @throws ProviderRefused when none is configured */
  provider(): PaymentProvider;
}

/** The effect of a tenant's request, and the request's log. */
export type LoggedEffect = Effect & { log: Logger };

export function paymentDeps(platform: Platform): PaymentDeps {
  const { pool, client, log } = platform;
  const config = {
    ...platform.config,
    ...platform.settings.of(approvalsConfig),
    ...platform.settings.of(paymentsConfig),
  };
  const url = config.WAYBILL_PAYMENT_PROVIDER_URL;
  const provider =
    url === undefined
      ? undefined
      : createHttpProvider({
          url,
          key: config.WAYBILL_PAYMENT_PROVIDER_KEY,
          timeoutMs: config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT,
        });
  return {
    pool,
    client,
    config,
    metrics: platform.metrics.of(paymentMetrics),
    log,
    provider() {
      if (provider === undefined) throw new ProviderRefused('no payment provider is configured', 'not_configured');
      return provider;
    },
  };
}
