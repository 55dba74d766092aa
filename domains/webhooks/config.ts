import { z } from 'zod';
import { isJsonTemplate } from '../../core/json-template';
import { count, duration, setting } from '../../infra/config/fields';
import type { AddressPolicy } from '../../infra/http/address-policy';
import type { PlatformConfig } from '../../infra/platform/config';

/** A URL that an operator gives, so it may be anywhere; it is not shown, since Slack's is a secret. */
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });

const template = z.string().refine(isJsonTemplate, 'expected JSON in which {{name}} stands only within texts');

const SLACK_TEMPLATE =
  '{"text":"Endpoint {{endpointId}} ({{url}}): {{kind}}, since {{since}}. {{lastError}}, {{held}} held."}';
const SMS_TEMPLATE = '{"text":"Waybill: endpoint {{endpointId}} {{kind}}, since {{since}}, {{held}} held."}';

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
  WAYBILL_CIRCUIT_FIRST_PROBE: duration(
    '5s',
    "how long after an endpoint's circuit opened it is tried for the first time; the pauses double from then on",
  ),
  WAYBILL_CIRCUIT_LONGEST_PROBE: duration('1m', 'the longest pause between tries of an endpoint whose circuit is open'),
  WAYBILL_HOLD_FOR: duration(
    '7d',
    'how long a delivery may be held (endpoint paused, or its circuit open) before it becomes a dead letter',
  ),
  WAYBILL_ESCALATE_WEBHOOK_AFTER: duration(
    '1m',
    "how long a circuit may be open before the tenant's endpoints are told (`endpoint.failing`)",
  ),
  WAYBILL_ESCALATE_SLACK_AFTER: duration('15m', 'the same for Slack, where `WAYBILL_SLACK_URL` is set'),
  WAYBILL_ESCALATE_SMS_AFTER: duration('1h', 'the same for text messages, where `WAYBILL_SMS_URL` is set'),
  WAYBILL_SLACK_URL: setting(
    httpUrl.optional(),
    'an incoming webhook of Slack, or of anything that takes JSON, for endpoints that fail for long',
  ),
  WAYBILL_SLACK_TEMPLATE: setting(
    template.default(SLACK_TEMPLATE),
    'what is posted there: JSON with `{{name}}` of `kind` (`failing`, `recovered`, `ended`), `endpointId`, `tenantId`, `url`, ' +
      '`incidentId`, `since`, `reason`, `lastError`, `held`',
    SLACK_TEMPLATE,
  ),
  WAYBILL_SMS_URL: setting(httpUrl.optional(), 'an HTTP service that sends text messages'),
  WAYBILL_SMS_TOKEN: setting(z.string().min(1).optional(), 'its bearer token'),
  WAYBILL_SMS_TEMPLATE: setting(
    template.default(SMS_TEMPLATE),
    'what is posted there, as for Slack; say here to whom it goes',
    SMS_TEMPLATE,
  ),
  WAYBILL_CONTENT_RETENTION: duration(
    '30d',
    "how long a message's content, and what receivers answered, is kept when its publisher says nothing",
  ),
  WAYBILL_HISTORY_RETENTION: duration(
    '90d',
    'how long messages, finished deliveries, attempts, dead letters and replays are kept',
  ),
});

export type WebhooksConfig = z.output<typeof webhooksConfig>;

/** Where endpoints may be. */
export function addressPolicy(config: PlatformConfig): AddressPolicy {
  return { allowPrivateNetworks: config.WAYBILL_ALLOW_PRIVATE_NETWORKS, allowHttp: config.WAYBILL_ALLOW_HTTP };
}
