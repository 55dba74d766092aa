/**
 * How senders sign. The first six cover the raw body with HMAC-SHA256; they differ in headers, encoding and what else is
 * signed. `sns` signs some members of the body with a certificate's key, `sendgrid` time and body with an elliptic curve,
 * `mailgun` a time and a token inside the body; `basic-auth` signs nothing, and only knows a password.
 */
export const SCHEMES = [
  'standard-webhooks',
  'stripe',
  'github',
  'shopify',
  'hmac-hex',
  'hmac-base64',
  'sns',
  'sendgrid',
  'mailgun',
  'basic-auth',
] as const;

export type Scheme = (typeof SCHEMES)[number];

/** The schemes whose headers and signed content the source says itself. */
export type GenericScheme = Extract<Scheme, `hmac-${string}`>;

export function isGeneric(scheme: Scheme): scheme is GenericScheme {
  return scheme === 'hmac-hex' || scheme === 'hmac-base64';
}

/** Whether requests are verified by secrets that the source has. Those of SNS are by a certificate. */
export function hasSecrets(scheme: Scheme): boolean {
  return scheme !== 'sns';
}

/** How a sender of a generic scheme signs. Header names are in lower case. */
export interface HmacSigning {
  /** The header with the signature, or several separated by commas or spaces. */
  header: string;
  /** What each signature begins with, such as `sha256=`; not part of its encoding. */
  prefix: string;
  /** The header with the time of signing: seconds or milliseconds since the epoch. Without it nothing is ever too old. */
  timestampHeader: string | undefined;
  /** What is signed: `{body}` once, and `{timestamp}` and `{id}` at most once. */
  template: string;
}

/**
 * Where the sender's own id of an event is: a header, a place in a JSON body (RFC 6901), or nowhere, so that body and
 * time of signing stand for it.
 */
export type EventIdFrom = { from: 'header'; header: string } | { from: 'pointer'; pointer: string } | { from: 'body' };

/** What of a source it takes to verify a request. */
export interface Verifiable {
  scheme: Scheme;
  /** Of a generic scheme. */
  signing: HmacSigning | undefined;
  /** Of `sns`: the topics that events may come from. Anybody has topics, and SNS signs for all of them alike. */
  topicArns: readonly string[];
  eventId: EventIdFrom;
  /** How far the time of signing may be from now, either way, in milliseconds. */
  toleranceMs: number;
}

/** Replays are recognised for at least twice the tolerance, whatever retention says, so it has a limit. */
export const MAX_TOLERANCE_MS = 3_600_000;

/** Who keeps the time of signing when they send it again needs it to count for as long as they may do so. */
const SIGNED_ONCE: readonly Scheme[] = ['sns', 'sendgrid', 'mailgun'];

/** The tolerance of sources that do not say. */
export function defaultToleranceMs(scheme: Scheme): number {
  return SIGNED_ONCE.includes(scheme) ? MAX_TOLERANCE_MS : 300_000;
}

/** Where each scheme's senders put the id, unless the source says otherwise. */
export const DEFAULT_EVENT_ID: Readonly<Record<Scheme, EventIdFrom>> = {
  'standard-webhooks': { from: 'header', header: 'webhook-id' },
  stripe: { from: 'pointer', pointer: '/id' },
  github: { from: 'header', header: 'x-github-delivery' },
  shopify: { from: 'header', header: 'x-shopify-webhook-id' },
  'hmac-hex': { from: 'body' },
  'hmac-base64': { from: 'body' },
  sns: { from: 'pointer', pointer: '/MessageId' },
  sendgrid: { from: 'body' },
  mailgun: { from: 'pointer', pointer: '/signature/token' },
  'basic-auth': { from: 'body' },
};

/** Schemes that sign only parts of the body, the id among them: by another one, a replay could be made a new event. */
export function hasFixedEventId(scheme: Scheme): boolean {
  return scheme === 'sns' || scheme === 'mailgun';
}

/** A request's headers as Node gives them: names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One header; several of the same name are joined, as HTTP says. Empty when it is missing. */
export function headerOf(headers: RequestHeaders, name: string): string {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
}
