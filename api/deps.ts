import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { DeliveryCommands } from '../domains/webhooks/commands/commands';
import type { Publisher } from '../domains/webhooks/publishing/publisher';
import type { Config } from '../infra/config';
import type { Keyring } from '../infra/keyring';
import type { Logger } from '../infra/log';
import type { RateLimiter } from './http/rate-limit';
import type { ApiMetrics } from './http/request-metrics';

/** Whether an endpoint's address may be used, and if not, why, in words for whoever gave it. */
export type UrlCheck = { ok: true } | { ok: false; reason: string };

/** Everything that the API is made of. */
export interface AppDeps {
  config: Pick<
    Config,
    | 'WAYBILL_MAX_BODY_BYTES'
    | 'WAYBILL_CONTENT_RETENTION'
    | 'WAYBILL_TASK_QUEUE'
    | 'WAYBILL_PAYMENT_PROVIDER_URL'
    | 'WAYBILL_PAYMENT_PROVIDER_SECRET'
    | 'WAYBILL_PAYMENT_PACE'
  >;
  pool: Pool;
  /** Starts workflows and asks them. It connects when it is first used. */
  client: Client;
  log: Logger;
  publisher: Publisher;
  commands: DeliveryCommands;
  /** Encrypts endpoints' secrets and custom headers. */
  keyring: Keyring;
  /** Judges an endpoint's address when it is given: scheme, host, and what the name resolves to. */
  checkEndpointUrl(url: string): Promise<UrlCheck>;
  metrics: ApiMetrics;
  /** The state of each server that is needed: `ok`, or what is wrong with it. */
  readiness(): Promise<Record<string, string>>;
  rateLimiter: RateLimiter;
  /** The page of a workflow in Temporal Web UI. */
  workflowUrl(workflowId: string): string;
}
