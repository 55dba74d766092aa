import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:https';
import { createSns, openSns } from '../../domains/inbound/receiving/sns';
import { createGuardedClient } from '../../infra/http/guarded-client';
import type { Platform } from '../../infra/platform/platform';
import type { TestApi } from './api-support';
import { createAuthority, LOOPBACK, listen } from './guarded-client-support';
import type { Sent } from './inbound';

export const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:bounces';
export const SNS = 'https://sns.eu-central-1.amazonaws.com';
export const CERTIFICATE_URL = `${SNS}/SimpleNotificationService-${'0123456789abcdef'.repeat(2)}.pem`;

/** A key as SNS signs with. */
export function snsKeys(bits = 2_048): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('rsa', { modulusLength: bits });
}

export type SnsFields = Record<string, string>;

/** The members of a notification, without a signature. */
export function notification(message: string, more: SnsFields = {}): SnsFields {
  return {
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: TOPIC,
    Message: message,
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: CERTIFICATE_URL,
    UnsubscribeURL: `${SNS}/?Action=Unsubscribe&SubscriptionArn=${TOPIC}:1`,
    ...more,
  };
}

/** The members of the confirmation of a subscription, or of its end. */
export function subscription(type = 'SubscriptionConfirmation', more: SnsFields = {}): SnsFields {
  const { UnsubscribeURL: _, ...rest } = notification('You have chosen to subscribe.\nVisit the SubscribeURL.');
  const SubscribeURL = `${SNS}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=token-1`;
  return { ...rest, Type: type, Token: 'token-1', SubscribeURL, ...more };
}

/** Signs as SNS does; written apart from what verifies. */
export function signSns(fields: SnsFields, privateKey: KeyObject): SnsFields {
  const names =
    fields.Type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const lines = names.flatMap((name) => (fields[name] === undefined ? [] : [name, fields[name]]));
  const hash = fields.SignatureVersion === '1' ? 'sha1' : 'sha256';
  const signature = sign(hash, Buffer.from(`${lines.join('\n')}\n`), privateKey);
  return { ...fields, Signature: signature.toString('base64') };
}

/** SNS as far as its certificate and confirmations go, on this machine. */
export interface TestSns {
  /** A webhook as SNS sends it. */
  sign(fields: SnsFields): Sent;
  /** Paths that were asked for. */
  asked: string[];
  /** The status of every answer. */
  status: number;
  close(): Promise<void>;
}

/** Starts it, in place of the one that an API would ask. Its names are the real ones, and so is TLS. */
export async function startSns(api: TestApi): Promise<TestSns> {
  const authority = createAuthority();
  const { publicKey, privateKey } = snsKeys();
  const pem = authority.certify(publicKey, 'sns.amazonaws.com');
  const { host } = new URL(SNS);
  const asked: string[] = [];
  const server = await listen(
    createServer(authority.issue([host]), (request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(sns.status).end(request.url?.endsWith('.pem') ? pem : '<ConfirmSubscriptionResponse/>');
    }),
  );
  const client = createGuardedClient({
    policy: LOOPBACK,
    extraCa: authority.cert,
    resolve: async (name) => (name === host ? ['127.0.0.1'] : []),
  });
  const opened = createSns({
    send: (request) => client.send({ ...request, url: request.url.replace(`${SNS}/`, `${SNS}:${server.port}/`) }),
  });
  const { platform } = api.pipeline;
  const once = platform.once.bind(platform);
  const spy = jest
    .spyOn(platform, 'once')
    .mockImplementation(((make: typeof openSns) => (make === openSns ? opened : once(make))) as Platform['once']);
  const sns: TestSns = {
    sign: (fields) => ({
      body: JSON.stringify(signSns(fields, privateKey)),
      headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': fields.Type ?? '' },
    }),
    asked,
    status: 200,
    close: async () => {
      spy.mockRestore();
      await client.close();
      await server.close();
    },
  };
  return sns;
}
