import { createHmac } from 'node:crypto';
import type { RequestMaker } from '../kit/request';
import type { Stack } from '../kit/stack';

/** A source of inbound webhooks, and what its sender signs with. */
export interface BenchSource {
  id: string;
  secret: string;
}

/** Registers a sender whose events become messages of this type. */
export async function addSource(stack: Stack, eventType: string): Promise<BenchSource> {
  const route = { to: 'endpoints', eventType };
  const wish = { name: 'bench', scheme: 'standard-webhooks', route };
  return (await stack.client.call('POST', '/v1/inbound/sources', wish)) as BenchSource;
}

/** The headers of a webhook that is signed as Standard Webhooks says. */
export function signedHeaders({ secret }: BenchSource, id: string, body: string): Record<string, string> {
  const seconds = Math.floor(Date.now() / 1_000);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${mac}`,
  };
}

/** Makes the bytes of requests, each of another event with so many bytes. */
export function prepareWebhooks(port: number, source: BenchSource, bytes: number): RequestMaker {
  const body = `{"filler":"${'x'.repeat(Math.max(0, bytes - '{"filler":""}'.length))}"}`;
  return (step, sequence) => {
    const headers = Object.entries(signedHeaders(source, `evt_${step}_${sequence}`, body));
    const lines = [
      `POST /v1/inbound/${source.id} HTTP/1.1`,
      `host: 127.0.0.1:${port}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
      `content-length: ${body.length}`,
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  };
}
