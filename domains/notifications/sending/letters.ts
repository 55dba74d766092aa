import type { Platform } from '../../../infra/platform/platform';
import type { Channel } from '../../preferences';
import type { Parcel } from '../channels/http-carrier';
import type { Mail } from '../channels/smtp-carrier';
import type { Carrier, WireResult } from '../channels/wire';
import { notificationsConfig } from '../config';
import { makeUnsubscribeToken } from '../unsubscribe/token';
import { composeMail } from './compose-mail';
import type { HandOver } from './hand-over';
import { openCarriers } from './open-carriers';

type Handed = Extract<HandOver, { state: 'sending' }>;

/** Makes what goes out of a send; what it returns sends it. */
export interface Deliverer {
  prepare(handed: Handed): Promise<() => Promise<WireResult>>;
}

/** A way out, with what it takes to make of a send what goes out there. */
export interface LetterBearer {
  /** Like {@link Carrier.ready}. @throws NotReady */
  ready<T>(group: string, work: (deliver: Deliverer) => Promise<T>): Promise<T>;
}

export interface Letters {
  /** `within`: the transaction that decides sends it as well. Undefined where the channel is not set up. */
  bearer(channel: Channel): LetterBearer | 'within' | undefined;
}

/** Opens it, once per process: `platform.once(openLetters)`. */
export function openLetters(platform: Platform): Letters {
  const { email, sms, push } = platform.once(openCarriers);
  const bearers: { [C in Channel]: LetterBearer | 'within' | undefined } = {
    email: email && bearerOf(email, (handed) => mailOf(platform, handed)),
    sms: sms && bearerOf(sms, async (handed) => parcelOf(handed, { text: handed.content.sms?.text ?? '' })),
    push: push && bearerOf(push, async (handed) => parcelOf(handed, cardOf(handed))),
    in_app: 'within',
    webhook: 'within',
  };
  return { bearer: (channel) => bearers[channel] };
}

function bearerOf<L>(carrier: Carrier<L>, make: (handed: Handed) => Promise<L>): LetterBearer {
  return {
    ready: (group, work) =>
      carrier.ready(group, (deliver) =>
        work({
          async prepare(handed) {
            const letter = await make(handed);
            return () => deliver(letter);
          },
        }),
      ),
  };
}

async function mailOf(platform: Platform, handed: Handed): Promise<Mail> {
  const { send, addressee, content, settings } = handed;
  const { category } = addressee;
  const { WAYBILL_SMTP_FROM, WAYBILL_PUBLIC_URL = '' } = platform.settings.of(notificationsConfig);
  const sender = settings.senderAddress ?? WAYBILL_SMTP_FROM ?? `notifications@${hostOf(WAYBILL_PUBLIC_URL)}`;
  const { tenantId, subscriberId, channel } = send;
  const token = { tenantId, subscriberId, channel, category: category.key };
  const bytes = await composeMail({
    sendId: send.id,
    from: { name: settings.senderName ?? '', address: sender },
    to: addressee.address,
    settings,
    content: content.email ?? { subject: '', text: '' },
    commercial: category.commercial,
    unsubscribeUrl:
      category.policy === 'required'
        ? undefined
        : `${WAYBILL_PUBLIC_URL}/u/${makeUnsubscribeToken(platform.keyring, token)}`,
  });
  return { from: sender, to: addressee.address, bytes };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : 'localhost';
}

function parcelOf({ send, addressee }: Handed, values: Record<string, string>): Parcel {
  const { notificationId, tenantId } = send;
  return { sendId: send.id, values: { to: addressee.address, notificationId, tenantId, ...values } };
}

function cardOf({ content: { push } }: Handed): Record<string, string> {
  return { title: push?.title ?? '', body: push?.body ?? '', url: push?.url ?? '' };
}
