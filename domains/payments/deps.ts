import { activityInfo, heartbeat } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from '../../infra/log';
import type { PlatformConfig } from '../../infra/platform/config';
import type { Platform } from '../../infra/platform/platform';
import { coverEvent, type StoredEvent } from '../webhooks';
import { type PaymentsConfig, paymentsConfig } from './config';
import { type PaymentMetrics, paymentMetrics } from './metrics';
import { createHttpProvider } from './provider/http-provider';
import { type PaymentProvider, ProviderRefused } from './provider/provider';

/** What the activities about payments are made of. */
export interface PaymentDeps {
  pool: Pool;
  client: Client;
  config: PlatformConfig & PaymentsConfig;
  metrics: PaymentMetrics;
  log: Logger;
  /** @throws ProviderRefused when none is configured */
  provider(): PaymentProvider;
}

/** Thrown when what is asked for cannot come to be, however often it is tried: somebody has to look. */
export class PaymentFault extends Error {
  override name = 'PaymentFault';
}

export function paymentDeps(platform: Platform): PaymentDeps {
  const { pool, client, log } = platform;
  const config = { ...platform.config, ...platform.settings.of(paymentsConfig) };
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

const HEARTBEAT_MS = 1_500;

/** Lets the server notice within seconds that the worker is gone, however long the call takes. */
export async function withHeartbeats<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    // A local one is watched over by its workflow task.
    if (!activityInfo().isLocal) heartbeat();
  }, HEARTBEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Counts events that were stored, and starts their delivery; should that fail, the sweep does it. */
export async function tell(deps: PaymentDeps, stored: readonly (StoredEvent | undefined)[]): Promise<void> {
  for (const event of stored) {
    if (event === undefined) continue;
    deps.metrics.paymentEvents.inc({ type: event.eventType });
    await coverEvent(deps.client, deps.config, event).catch((error: unknown) =>
      deps.log.warn({ err: error, workflowId: event.workflowId }, 'an event is left to the sweep'),
    );
  }
}
