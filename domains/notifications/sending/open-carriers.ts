import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { createGuardedClient } from '../../../infra/http/guarded-client';
import type { Platform } from '../../../infra/platform/platform';
import type { Channel } from '../../preferences';
import { createHttpCarrier, type Parcel } from '../channels/http-carrier';
import { createSmtpCarrier, type Mail } from '../channels/smtp-carrier';
import type { Carrier } from '../channels/wire';
import { type NotificationsConfig, notificationsConfig } from '../config';

/** Ways out of this process; undefined where the operator has set none up. */
export interface Carriers {
  email: Carrier<Mail> | undefined;
  sms: Carrier<Parcel> | undefined;
  push: Carrier<Parcel> | undefined;
}

/** Opens them, once per process: `platform.once(openCarriers)`. */
export function openCarriers(platform: Platform): Carriers {
  const { config, settings } = platform;
  const own = settings.of(notificationsConfig);
  const { WAYBILL_NOTIFY_CONCURRENCY: concurrency, WAYBILL_NOTIFY_TIMEOUT: timeoutMs } = own;
  const extraCa =
    config.WAYBILL_EXTRA_CA_FILE === undefined ? undefined : readFileSync(config.WAYBILL_EXTRA_CA_FILE, 'utf8');
  const services = [own.WAYBILL_NOTIFY_SMS_URL, own.WAYBILL_NOTIFY_PUSH_URL].filter((url) => url !== undefined);
  const client = createGuardedClient({
    // The operator says where they are, which may be anywhere.
    policy: { allowPrivateNetworks: ['0.0.0.0/0', '::/0'], allowHttp: true, allowedPorts: services.map(portOf) },
    socketsPerOrigin: concurrency,
    ...(extraCa === undefined ? {} : { extraCa }),
  });
  const service = (
    url: string | undefined,
    headers: Record<string, string>,
    template: string,
  ): Carrier<Parcel> | undefined =>
    url === undefined ? undefined : createHttpCarrier(client, { url, headers, template, concurrency, timeoutMs });
  const carriers: Carriers = {
    email:
      own.WAYBILL_SMTP_URL === undefined
        ? undefined
        : createSmtpCarrier({
            url: own.WAYBILL_SMTP_URL,
            tls: own.WAYBILL_SMTP_TLS,
            ca: extraCa === undefined ? undefined : [...rootCertificates, extraCa],
            connections: own.WAYBILL_SMTP_CONNECTIONS,
            timeoutMs,
          }),
    sms: service(own.WAYBILL_NOTIFY_SMS_URL, own.WAYBILL_NOTIFY_SMS_HEADERS, own.WAYBILL_NOTIFY_SMS_TEMPLATE),
    push: service(own.WAYBILL_NOTIFY_PUSH_URL, own.WAYBILL_NOTIFY_PUSH_HEADERS, own.WAYBILL_NOTIFY_PUSH_TEMPLATE),
  };
  platform.onClose(async () => {
    await Promise.all([carriers.email?.close(), carriers.sms?.close(), carriers.push?.close()]);
    await client.close();
  });
  return carriers;
}

function portOf(text: string): number {
  const url = new URL(text);
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** What is missing for a channel, for whoever wants to use it; `undefined` if nothing is. */
export function whyUnavailable(channel: Channel, config: NotificationsConfig): string | undefined {
  if (channel === 'email') {
    if (config.WAYBILL_SMTP_URL === undefined) return 'no mail server is set up here (WAYBILL_SMTP_URL)';
    if (config.WAYBILL_PUBLIC_URL === undefined)
      return 'links to unsubscribe would lead nowhere: WAYBILL_PUBLIC_URL is not set here';
  }
  if (channel === 'sms' && config.WAYBILL_NOTIFY_SMS_URL === undefined)
    return 'no service for text messages is set up here (WAYBILL_NOTIFY_SMS_URL)';
  if (channel === 'push' && config.WAYBILL_NOTIFY_PUSH_URL === undefined)
    return 'no service for push messages is set up here (WAYBILL_NOTIFY_PUSH_URL)';
  return undefined;
}
