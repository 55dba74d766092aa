import { z } from 'zod';
import { parseDuration } from '../../core/duration';
import { isJsonTemplate } from '../../core/json-template';
import { count, duration, setting, WITHOUT_CREDENTIALS } from '../../infra/config/fields';

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });

const jsonTemplate = z.string().refine(isJsonTemplate, 'expected JSON in which {{name}} stands only within texts');

const headers = z
  .string()
  .default('{}')
  .transform((text, ctx): Record<string, string> => {
    try {
      return z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string()).parse(JSON.parse(text));
    } catch {
      ctx.addIssue({ code: 'custom', message: 'expected a JSON object of header names and values' });
      return z.NEVER;
    }
  });

const RETRIES = '5s,30s,2m,10m,30m,2h';
const delays = z
  .string()
  .default(RETRIES)
  .transform((text, ctx): number[] => {
    const found = text.split(',').map((part) => parseDuration(part.trim()));
    if (found.every((ms) => ms !== undefined)) return found;
    ctx.addIssue({ code: 'custom', message: 'expected durations such as 5s,30s,2m' });
    return z.NEVER;
  });

const SMS_TEMPLATE = '{"to":"{{to}}","text":"{{text}}","reference":"{{sendId}}"}';
const PUSH_TEMPLATE = '{"to":"{{to}}","title":"{{title}}","body":"{{body}}","url":"{{url}}","reference":"{{sendId}}"}';

export const notificationsConfig = z.object({
  WAYBILL_PUBLIC_URL: setting(
    httpUrl
      .refine(...WITHOUT_CREDENTIALS)
      .transform((url) => url.replace(/\/+$/, ''))
      .optional(),
    'where people reach the API, such as `https://notify.example.com`: links to unsubscribe and to exports begin with it. Needed for mail',
  ),
  WAYBILL_SMTP_URL: setting(
    z.url({ protocol: /^smtps?$/, error: 'expected an smtp:// or smtps:// URL' }).optional(),
    'the SMTP server for mail: `smtps://user:password@host:465`, or `smtp://user:password@host:587` with STARTTLS',
  ),
  WAYBILL_SMTP_FROM: setting(
    z.email('expected an email address').optional(),
    'the sender of mail, where a tenant has set none',
  ),
  WAYBILL_SMTP_TLS: setting(
    z.enum(['required', 'optional', 'off'], 'expected required, optional or off').default('required'),
    'whether mail and password go over TLS only: `required`, `optional` (who is on the way can prevent it), `off`',
    'required',
  ),
  WAYBILL_SMTP_CONNECTIONS: count(8, 500, 'connections of one process to the SMTP server'),
  WAYBILL_NOTIFY_SMS_URL: setting(httpUrl.optional(), 'an HTTP service that sends text messages to subscribers'),
  WAYBILL_NOTIFY_SMS_HEADERS: setting(headers, 'headers of its requests, as a JSON object; credentials go here', '{}'),
  WAYBILL_NOTIFY_SMS_TEMPLATE: setting(
    jsonTemplate.default(SMS_TEMPLATE),
    'what is posted there: JSON with `{{name}}` of `to`, `text`, `sendId`, `notificationId`, `tenantId`',
    SMS_TEMPLATE,
  ),
  WAYBILL_NOTIFY_PUSH_URL: setting(httpUrl.optional(), 'an HTTP service that sends push messages to subscribers'),
  WAYBILL_NOTIFY_PUSH_HEADERS: setting(headers, 'headers of its requests, as for text messages', '{}'),
  WAYBILL_NOTIFY_PUSH_TEMPLATE: setting(
    jsonTemplate.default(PUSH_TEMPLATE),
    'what is posted there, as for text messages, with `title`, `body` and `url` instead of `text`',
    PUSH_TEMPLATE,
  ),
  WAYBILL_NOTIFY_CONCURRENCY: count(64, 1_000, 'requests under way to the services for text and push messages, each'),
  WAYBILL_NOTIFY_TIMEOUT: duration('20s', 'how long a server or service may take for one notification', 120_000),
  WAYBILL_NOTIFY_RETRIES: setting(
    delays,
    'pauses between tries to send a notification; after the last it has failed',
    RETRIES,
  ),
  WAYBILL_NOTIFY_SWEEP_GRACE: duration('15s', 'how late a notification may be before the sweep gives it to a workflow'),
});

export type NotificationsConfig = z.output<typeof notificationsConfig>;
