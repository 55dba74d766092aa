import { z } from 'zod';
import { count, duration, setting } from '../../infra/config/fields';
import type { AddressPolicy } from '../../infra/http/address-policy';
import type { PlatformConfig } from '../../infra/platform/config';

export const webhooksConfig = z.object({
  WAYBILL_FIRST_ATTEMPT: setting(
    z.enum(['api', 'workflow'], 'expected api or workflow').default('api'),
    'who makes first attempts: `api` (the accepting process, at once) or `workflow` (a worker, where the API may not send)',
    'api',
  ),
  WAYBILL_ATTEMPT_CONCURRENCY: count(2_048, 20_000, 'attempts under way in one process'),
  WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT: count(
    128,
    2_000,
    'most attempts under way in one process to one endpoint, however well it answers',
  ),
  WAYBILL_COVER_LINGER: duration('100ms', 'how long accepted deliveries gather before a workflow covers them'),
  WAYBILL_COVER_LINGER_MAX: duration('1s', 'the same under load'),
  WAYBILL_SWEEP_GRACE: duration('15s', 'how late a delivery may be before the sweep gives it to a workflow'),
  WAYBILL_BACKLOG_MAX_AGE: duration(
    '3d',
    "how long a delivery may be due in its endpoint's backlog before it becomes a dead letter",
  ),
  WAYBILL_CONTENT_RETENTION: duration(
    '30d',
    "how long a message's content, and what receivers answered, is kept when its publisher says nothing",
  ),
  WAYBILL_HISTORY_RETENTION: duration(
    '90d',
    'how long messages, finished deliveries, attempts and dead letters are kept',
  ),
});

export type WebhooksConfig = z.output<typeof webhooksConfig>;

/** Where endpoints may be. */
export function addressPolicy(config: PlatformConfig): AddressPolicy {
  return { allowPrivateNetworks: config.WAYBILL_ALLOW_PRIVATE_NETWORKS, allowHttp: config.WAYBILL_ALLOW_HTTP };
}
