import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifySignature } from '../../../domains/webhooks';

const KEPT = 100;
const MAX_BODY_BYTES = 4 * 1_048_576;

/** A webhook as it came in. */
export interface ReceivedWebhook {
  /** `webhook-id`: the message's id, the same at every attempt. */
  id: string;
  path: string;
  /** Whether one of our secrets made the signature; if not, why. */
  verified: boolean;
  reason?: string;
  /** The status it was answered with. */
  status: number;
  /** When its last byte arrived, in milliseconds since the epoch. */
  receivedAt: number;
  /** The body, parsed if it is JSON. */
  body: unknown;
}

export interface ReceiverOptions {
  /** On 127.0.0.1; 0 takes a free one. */
  port: number;
  /** The signing secrets (`whsec_…`) of the endpoints that point here. */
  secrets: readonly string[];
  onWebhook?(webhook: ReceivedWebhook): void;
}

export interface Receiver {
  url: string;
  /** The last 100, oldest first. */
  received: readonly ReceivedWebhook[];
  close(): Promise<void>;
}

/**
 * A receiver as a customer would have it: verifies Standard Webhooks signatures and answers 204, or 401 to others.
 *
 * - `POST /fail?next=3&status=503` answers the next three with 503; without `next` all, until `POST /fail?next=0`
 * - `GET /received` returns the last 100 as JSON
 * - every other POST is a webhook
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const received: ReceivedWebhook[] = [];
  let failing = { left: 0, status: 500 };

  const receive = async (request: IncomingMessage, path: string, response: ServerResponse) => {
    const text = await readBody(request);
    const receivedAt = Date.now();
    const verification = verify(request, text, options.secrets);
    const fails = verification.verified && failing.left > 0;
    if (fails) failing = { ...failing, left: failing.left - 1 };
    const status = fails ? failing.status : verification.verified ? 204 : 401;
    response.writeHead(status).end();
    const webhook = { id: header(request, 'webhook-id'), path, ...verification, status, receivedAt, body: parse(text) };
    received.push(webhook);
    if (received.length > KEPT) received.shift();
    options.onWebhook?.(webhook);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://receiver');
    if (request.method === 'POST' && url.pathname === '/fail') {
      failing = failureOf(url.searchParams);
      answerJson(response, { failing: failing.left > 0, ...(failing.left > 0 ? { status: failing.status } : {}) });
    } else if (request.method === 'POST') {
      receive(request, url.pathname, response).catch(() => response.destroy());
    } else if (url.pathname === '/received') answerJson(response, { data: received });
    else if (url.pathname === '/') answerText(response, HELP);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const HELP = `A receiver of webhooks: it verifies their signatures and answers 204.

  GET  /received                   the last ${KEPT}, as JSON
  POST /fail?next=3&status=503     answers the next three with 503; without next: all, until POST /fail?next=0
`;

function verify(request: IncomingMessage, body: string, secrets: readonly string[]) {
  const headers = {
    id: header(request, 'webhook-id'),
    timestamp: header(request, 'webhook-timestamp'),
    signature: header(request, 'webhook-signature'),
  };
  let reason = 'no secret is known';
  for (const secret of secrets) {
    const result = verifySignature({ secret, headers, body });
    if (result.ok) return { verified: true };
    reason = result.reason;
  }
  return { verified: false, reason };
}

function failureOf(query: URLSearchParams): { left: number; status: number } {
  const next = query.get('next');
  const left = next === null ? Number.POSITIVE_INFINITY : Math.max(Number(next) || 0, 0);
  const status = Number(query.get('status') ?? 500);
  return { left, status: status >= 200 && status <= 599 ? status : 500 };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function answerJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`);
}

function answerText(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
