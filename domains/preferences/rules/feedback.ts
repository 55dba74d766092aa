import { z } from 'zod';
import type { SuppressionReason } from './suppression';

/** What a provider of email says about an address that is not to be written to any more. */
export interface Feedback {
  address: string;
  reason: Extract<SuppressionReason, 'bounce' | 'complaint' | 'invalid' | 'user_request'>;
  /** What the provider said, for the record. */
  evidence: Record<string, string>;
}

/** The body of a provider's webhook is not what its documentation says. */
export class NoFeedback extends Error {
  override name = 'NoFeedback';
}

/** Providers whose feedback is understood. */
export const PROVIDERS = ['ses', 'sendgrid', 'mailgun', 'postmark'] as const;

export type Provider = (typeof PROVIDERS)[number];

/**
 * Reads a provider's webhook. What says nothing for good is left out: deliveries, opens, and bounces that may pass.
 *
 * @throws NoFeedback when it is none of the provider
 */
export function readFeedback(provider: Provider, body: string): Feedback[] {
  try {
    return READERS[provider](JSON.parse(body));
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    throw new NoFeedback(`the body is no webhook of ${provider}, as its documentation describes them`);
  }
}

const READERS: Readonly<Record<Provider, (body: unknown) => Feedback[]>> = {
  ses: fromSes,
  sendgrid: fromSendGrid,
  mailgun: fromMailgun,
  postmark: fromPostmark,
};

const MAX_EVIDENCE = 500;
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** Named texts as evidence: without those that are missing, cut to what can be kept. */
function evidenceOf(texts: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) =>
      typeof text === 'string' && text !== ''
        ? [[name, text.slice(0, MAX_EVIDENCE).replace(UNSTORABLE, '\ufffd')] as const]
        : [],
    ),
  );
}

const text = z.string().optional().catch(undefined);

const snsSchema = z.object({ Type: z.string(), Message: z.string() });
const sesSchema = z.object({
  notificationType: text,
  eventType: text,
  bounce: z
    .object({
      bounceType: z.string(),
      bounceSubType: text,
      bouncedRecipients: z.array(z.object({ emailAddress: z.string(), diagnosticCode: text })),
    })
    .optional(),
  complaint: z
    .object({
      complaintFeedbackType: text,
      complainedRecipients: z.array(z.object({ emailAddress: z.string() })),
    })
    .optional(),
});

/** A notification as SNS wraps it, or raw. The confirmation of a subscription is no feedback. */
function fromSes(body: unknown): Feedback[] {
  const wrapped = snsSchema.safeParse(body);
  if (wrapped.success && wrapped.data.Type !== 'Notification') return [];
  const { notificationType, eventType, bounce, complaint } = sesSchema.parse(
    wrapped.success ? JSON.parse(wrapped.data.Message) : body,
  );
  const kind = notificationType ?? eventType;
  if (kind === undefined) throw new NoFeedback('the notification does not say what it is about');
  if (kind === 'Bounce' && bounce?.bounceType === 'Permanent') {
    return bounce.bouncedRecipients.map(({ emailAddress, diagnosticCode }) => ({
      address: emailAddress,
      reason: 'bounce',
      evidence: evidenceOf({ provider: 'ses', type: bounce.bounceSubType, diagnostic: diagnosticCode }),
    }));
  }
  if (kind !== 'Complaint' || complaint === undefined || complaint.complaintFeedbackType === 'not-spam') return [];
  return complaint.complainedRecipients.map(({ emailAddress }) => ({
    address: emailAddress,
    reason: 'complaint',
    evidence: evidenceOf({ provider: 'ses', type: complaint.complaintFeedbackType }),
  }));
}

const sendGridSchema = z.array(
  z.object({ email: z.string(), event: z.string(), type: text, reason: text, status: text }),
);

function fromSendGrid(body: unknown): Feedback[] {
  return sendGridSchema.parse(body).flatMap(({ email, event, type, reason: said, status }) => {
    // A message that was blocked says nothing about the address.
    const reason =
      event === 'bounce' && type !== 'blocked'
        ? 'bounce'
        : event === 'spamreport'
          ? 'complaint'
          : event === 'unsubscribe'
            ? 'user_request'
            : undefined;
    if (reason === undefined) return [];
    return [{ address: email, reason, evidence: evidenceOf({ provider: 'sendgrid', event, said, status }) }];
  });
}

const mailgunSchema = z.object({
  'event-data': z.object({
    event: z.string(),
    severity: text,
    recipient: text,
    reason: text,
    'delivery-status': z.object({ message: text, description: text }).optional().catch(undefined),
  }),
});

function fromMailgun(body: unknown): Feedback[] {
  const {
    event,
    severity,
    recipient,
    reason: why,
    'delivery-status': status,
  } = mailgunSchema.parse(body)['event-data'];
  const reason =
    event === 'failed' && severity === 'permanent'
      ? 'bounce'
      : event === 'complained'
        ? 'complaint'
        : event === 'unsubscribed'
          ? 'user_request'
          : undefined;
  if (reason === undefined || recipient === undefined) return [];
  const said = status?.message || status?.description;
  return [{ address: recipient, reason, evidence: evidenceOf({ provider: 'mailgun', event, why, said }) }];
}

const postmarkSchema = z.object({
  RecordType: z.string(),
  Type: text,
  Email: text,
  Recipient: text,
  Description: text,
  Details: text,
  SuppressSending: z.boolean().optional().catch(undefined),
  SuppressionReason: text,
});

const POSTMARK_REASONS: Readonly<Record<string, Feedback['reason']>> = {
  HardBounce: 'bounce',
  BadEmailAddress: 'invalid',
  SpamComplaint: 'complaint',
  SpamNotification: 'complaint',
  ManualSuppression: 'user_request',
};

function fromPostmark(body: unknown): Feedback[] {
  const { RecordType, Type, Email, Recipient, Description, Details, SuppressSending, SuppressionReason } =
    postmarkSchema.parse(body);
  const address = Email ?? Recipient;
  const kind =
    RecordType === 'SpamComplaint'
      ? RecordType
      : RecordType === 'Bounce'
        ? Type
        : RecordType === 'SubscriptionChange' && SuppressSending === true
          ? SuppressionReason
          : undefined;
  const reason = kind === undefined ? undefined : POSTMARK_REASONS[kind];
  if (reason === undefined || address === undefined) return [];
  const evidence = evidenceOf({ provider: 'postmark', type: kind, said: Description, details: Details });
  return [{ address, reason, evidence }];
}
