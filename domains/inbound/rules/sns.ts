import { isUtf8 } from 'node:buffer';
import { membersOf, stringAt } from '../../../core/json/members';
import { JsonTextError } from '../../../core/json/scan';
import { bytesOf } from './base64';
import type { Proof } from './proofs';

/** A topic's name (ARN), with its partition and region. Topics that are FIFO do not send to HTTP. */
export const TOPIC_ARN = /^arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{3,40}):\d{12}:[A-Za-z0-9_-]{1,256}$/;

/** A message of Amazon SNS, of which nothing is proven yet. */
export interface SnsMessage {
  topicArn: string;
  /** What its signature covers. */
  signed: string;
  signature: Buffer;
  proof: Extract<Proof, 'rsa-sha1' | 'rsa-sha256'>;
  signedAtMs: number;
  /** Where the certificate is that it claims to be signed with: on the host of SNS in the topic's region. */
  certificateUrl: string;
  /** What is to be fetched so that the topic's messages come; only of a `SubscriptionConfirmation`. On the same host. */
  confirmUrl: string | undefined;
}

/** What is signed of each type of message, in this order. Those in question are left out where the message has none. */
const SUBSCRIPTION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
const SIGNED: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject?', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: SUBSCRIPTION,
  UnsubscribeConfirmation: SUBSCRIPTION,
};
const UNSIGNED = ['SignatureVersion', 'Signature', 'SigningCertURL'];
const READ = new Set([...SUBSCRIPTION, ...UNSIGNED, 'Subject']);

const PROOFS: Readonly<Record<string, SnsMessage['proof']>> = { '1': 'rsa-sha1', '2': 'rsa-sha256' };
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;
/** The whole path: under another one, SNS answers with what strangers have told it. */
const CERTIFICATE_PATH = /^\/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem$/;

/**
 * Reads what of a body it takes to verify it.
 *
 * @returns `undefined` when it is no message of SNS, or names hosts that are not those of SNS in the topic's region
 */
export function readSns(body: Buffer): SnsMessage | undefined {
  const texts = textsIn(body);
  const type = texts?.get('Type') ?? '';
  const names = Object.hasOwn(SIGNED, type) ? SIGNED[type] : undefined;
  if (texts === undefined || names === undefined) return undefined;
  const signed: string[] = [];
  for (const name of names) {
    const bare = name.replace('?', '');
    const text = texts.get(bare);
    // Each stands on lines of its own: one that had several could pass for two.
    if (text === undefined ? bare === name : bare !== 'Message' && bare !== 'Subject' && text.includes('\n'))
      return undefined;
    if (text !== undefined) signed.push(`${bare}\n${text}\n`);
  }
  const text = (name: string) => texts.get(name) ?? '';
  const signature = bytesOf(text('Signature'));
  const proof = PROOFS[text('SignatureVersion')];
  const host = hostOf(text('TopicArn'));
  const certificate = host === undefined ? undefined : urlOn(host, text('SigningCertURL'));
  if (signature === undefined || proof === undefined || host === undefined || certificate === undefined)
    return undefined;
  const signedAtMs = TIMESTAMP.test(text('Timestamp')) ? Date.parse(text('Timestamp')) : Number.NaN;
  if (Number.isNaN(signedAtMs) || !CERTIFICATE_PATH.test(certificate.pathname) || certificate.search !== '')
    return undefined;
  const isSubscription = type === 'SubscriptionConfirmation';
  if (isSubscription && !isConfirmation(urlOn(host, text('SubscribeURL')), text)) return undefined;
  return {
    topicArn: text('TopicArn'),
    signed: signed.join(''),
    signature,
    proof,
    signedAtMs,
    certificateUrl: certificate.href,
    confirmUrl: isSubscription ? text('SubscribeURL') : undefined,
  };
}

/** The members that are read, as texts; `undefined` when the body is no JSON object, or has one of them twice. */
function textsIn(body: Buffer): Map<string, string> | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    const text = body.toString();
    const found = new Map<string, string>();
    for (const { name, from, to } of membersOf(text) ?? []) {
      if (!READ.has(name)) continue;
      // Read by others, it might be the other one that counts.
      if (found.has(name)) return undefined;
      if (text[from] === '"') found.set(name, stringAt(text, from, to));
    }
    return found;
  } catch (error) {
    if (error instanceof JsonTextError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function hostOf(topicArn: string): string | undefined {
  const [, partition, region] = TOPIC_ARN.exec(topicArn) ?? [];
  return region === undefined ? undefined : `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

/** A URL of exactly this host: over HTTPS, without a port or credentials, written as a URL is. */
function urlOn(host: string, text: string): URL | undefined {
  return text.startsWith(`https://${host}/`) && URL.canParse(text) ? new URL(text) : undefined;
}

function isConfirmation(url: URL | undefined, text: (name: string) => string): boolean {
  return (
    url?.pathname === '/' &&
    url.searchParams.get('Action') === 'ConfirmSubscription' &&
    url.searchParams.get('TopicArn') === text('TopicArn') &&
    url.searchParams.get('Token') === text('Token')
  );
}
