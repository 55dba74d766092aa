import { createHmac, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto';
import type { Response } from 'supertest';
import type { TestApi } from './api-support';

export interface Sent {
  body: string | Buffer;
  headers: Record<string, string>;
}

/** Signs a body as Standard Webhooks says. */
export function standardWebhook(
  secret: string,
  body: string | Buffer,
  { id = randomUUID(), ageMs = 0 }: { id?: string; ageMs?: number } = {},
): Sent {
  const timestamp = Math.floor((Date.now() - ageMs) / 1_000);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${mac}`,
    },
  };
}

/** Signs a body as GitHub does. */
export function githubWebhook(secret: string, body: string | Buffer, event: string, delivery = randomUUID()): Sent {
  return {
    body,
    headers: {
      // Superagent makes JSON of a Buffer that is said to be JSON.
      'content-type': typeof body === 'string' ? 'application/json' : 'application/octet-stream',
      'x-github-event': event,
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  };
}

export interface TestSource {
  id: string;
  secret: string;
  etag: string;
  /** Posts to it, without an API key. */
  send(sent: Sent): Promise<Response>;
}

/** Makes a source; by default one that signs as Standard Webhooks says, and whose events become `partner` messages. */
export async function createSource(api: TestApi, settings: object = {}): Promise<TestSource> {
  const body = {
    name: 'A partner',
    scheme: 'standard-webhooks',
    route: { to: 'endpoints', eventType: 'partner' },
    ...settings,
  };
  const answer = await api.call('POST', '/v1/inbound/sources', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  const { id, secret } = answer.body;
  return {
    id,
    secret,
    etag: answer.headers.etag ?? '',
    send: (sent) => api.call('POST', `/v1/inbound/${id}`, { key: null, ...sent }),
  };
}

/** Signs a body as SendGrid does. */
export function sendGridWebhook(privateKey: KeyObject, body: string): Sent {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-twilio-email-event-webhook-timestamp': timestamp,
      'x-twilio-email-event-webhook-signature': sign('sha256', Buffer.from(timestamp + body), privateKey).toString(
        'base64',
      ),
    },
  };
}

/** Signs an event as Mailgun does, which covers nothing of it. */
export function mailgunWebhook(secret: string, event: object, token = randomBytes(25).toString('hex')): Sent {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', secret)
    .update(timestamp + token)
    .digest('hex');
  const body = JSON.stringify({ signature: { timestamp, token, signature }, ...event });
  return { body, headers: { 'content-type': 'application/json' } };
}
