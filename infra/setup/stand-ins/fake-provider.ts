import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CallbackOptions, type Callbacks, createCallbacks } from './fake-provider-callbacks';
import { Charges, type FakeAnswer, type FakeCharge, type FakeRefund, refusal } from './fake-provider-charges';
import { type CallBehaviour, TEST_CARDS } from './fake-provider-tokens';

export interface FakeProviderOptions {
  /** On 127.0.0.1; 0 takes a free one. */
  port?: number;
  /** The bearer token that calls must have; without it, any is accepted. */
  key?: string;
  /** Milliseconds before every answer. Default 0. */
  latencyMs?: number;
  /** Of 1,000 calls, this many are done and never answered, and as many are answered 500 and not done. Default 0. */
  faultsPerThousand?: number;
  callbacks?: CallbackOptions;
  /** Signs callbacks to the address that `PUT /callback-url` names, for a caller whose address is not known yet. */
  callbackSecret?: string;
  /** Milliseconds between a capture and its chargeback, or a refund and its end, for cards that have one. Default 50. */
  chargebackAfterMs?: number;
}

export interface FakeProvider {
  url: string;
  /** Every charge that was ever made, as `GET /charges` shows them. */
  charges(): FakeCharge[];
  /** Every call, by method and path. */
  readonly calls: readonly string[];
  callbacks: Callbacks | undefined;
  /**
   * Disputes a charge, or decides the dispute; `told` replaces what the callback says by itself.
   *
   * @returns the callback's id, as in `callbacks.sent`
   */
  chargeback(
    charge: FakeCharge,
    type?: DisputeType,
    amount?: string,
    told?: Readonly<Record<string, string>>,
  ): string | undefined;
  /** Ends a refund, or lets one fail that had succeeded, and tells so; `told` as for {@link chargeback}. */
  endRefund(
    refund: FakeRefund,
    state: 'succeeded' | 'failed',
    told?: Readonly<Record<string, string>>,
  ): string | undefined;
  /** Forgets all idempotency keys, as a provider does after a while. */
  forgetKeys(): void;
  /** From now on callbacks go there. */
  setCallbacks(options: CallbackOptions): void;
  close(): Promise<void>;
}

export type DisputeType = 'chargeback.opened' | 'chargeback.won' | 'chargeback.lost';

const KEPT_CALLS = 10_000;

/**
 * A card payment provider like real ones: authorise, capture, void, refund, look up by reference, idempotency keys,
 * signed callbacks. A card's token decides how it behaves (`fake-provider-tokens.ts`). Everything is kept in memory.
 */
export async function startFakeProvider(options: FakeProviderOptions = {}): Promise<FakeProvider> {
  const { latencyMs = 0, faultsPerThousand = 0, chargebackAfterMs: settleAfterMs = 50 } = options;
  const charges = new Charges();
  let acceptedKey = options.key;
  const answers = new Map<string, FakeAnswer>();
  const tries = new Map<string, number>();
  const inFlight = new Set<string>();
  const calls: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let callbacks = options.callbacks === undefined ? undefined : createCallbacks(options.callbacks);

  function later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  }

  function chargeback(charge: FakeCharge, type: DisputeType, amount: string, told: object = {}): string | undefined {
    return callbacks?.send(type, {
      id: `cb_${charge.id}`,
      charge_reference: charge.reference,
      amount,
      currency: charge.currency,
      reason: 'fraudulent',
      occurred_at: new Date().toISOString(),
      ...told,
    });
  }

  function endRefund(refund: FakeRefund, state: 'succeeded' | 'failed', told: object = {}): string | undefined {
    refund.state = state;
    refund.failure_code = state === 'failed' ? 'account_closed' : null;
    return callbacks?.send(`refund.${state}`, {
      id: refund.id,
      reference: refund.reference,
      amount: refund.amount,
      currency: refund.currency,
      failure_code: refund.failure_code,
      occurred_at: new Date().toISOString(),
      ...told,
    });
  }

  function afterRefund(charge: FakeCharge): void {
    const { ends, failsLate } = TEST_CARDS[charge.source]?.refund ?? {};
    const refund = charge.refunds.at(-1);
    const end = failsLate === true ? 'failed' : ends;
    if (refund !== undefined && end !== undefined) later(settleAfterMs, () => endRefund(refund, end));
  }

  function afterCapture(charge: FakeCharge): void {
    callbacks?.send('charge.captured', { reference: charge.reference, id: charge.id });
    const dispute = TEST_CARDS[charge.source]?.chargeback;
    if (dispute === undefined) return;
    later(settleAfterMs, () => chargeback(charge, 'chargeback.opened', charge.amount));
    if (dispute.won) later(4 * settleAfterMs, () => chargeback(charge, 'chargeback.won', charge.amount));
  }

  /** How a call behaves, and what it does. */
  function callOf(path: string, body: Record<string, string>): [CallBehaviour | undefined, () => FakeAnswer] {
    if (path === '/v1/charges') return [TEST_CARDS[body.source ?? '']?.authorise, () => charges.authorise(body)];
    if (path === '/v1/voids') {
      const { reference = '' } = body;
      const [charge] = charges.withReference(reference);
      return [charge && charges.behaviourOf(charge.id).void, () => charges.void(reference)];
    }
    const [, id = '', verb] = /^\/v1\/charges\/(\w+)\/(capture|refunds)$/.exec(path) ?? [];
    if (verb === 'refunds') {
      const refund = () => {
        const answer = charges.refund(id, body);
        const charge = charges.find(id);
        if (answer.status === 201 && charge !== undefined) afterRefund(charge);
        return answer;
      };
      return [charges.behaviourOf(id).refund, refund];
    }
    if (verb === undefined) return [undefined, () => refusal(404, 'unknown_path')];
    const capture = () => {
      const answer = charges.capture(id);
      const charge = charges.find(id);
      if (answer.status === 200 && charge !== undefined) afterCapture(charge);
      return answer;
    };
    return [charges.behaviourOf(id).capture, capture];
  }

  /** @returns `undefined` for a call that is not answered */
  async function post(
    request: IncomingMessage,
    path: string,
    body: Record<string, string>,
  ): Promise<FakeAnswer | undefined> {
    const key = request.headers['idempotency-key'];
    if (typeof key !== 'string') return refusal(400, 'idempotency_key_missing');
    const [behaviour, act] = callOf(path, body);
    const number = (tries.get(key) ?? 0) + 1;
    tries.set(key, number);
    if (number <= (behaviour?.failFirst ?? 0)) return refusal(500, 'internal');
    const fault = Math.random() * 1_000;
    if (fault < faultsPerThousand) return refusal(500, 'internal');
    if (inFlight.has(key)) return refusal(409, 'idempotency_key_in_use');
    inFlight.add(key);
    try {
      if (behaviour?.delayMs !== undefined) await pause(behaviour.delayMs);
      let answer = answers.get(key);
      if (answer === undefined) {
        answer = act();
        answers.set(key, answer);
      }
      const silent = number <= (behaviour?.hangFirst ?? 0) || fault > 1_000 - faultsPerThousand;
      return silent ? undefined : answer;
    } finally {
      inFlight.delete(key);
    }
  }

  function get(url: URL): FakeAnswer {
    const reference = url.searchParams.get('reference') ?? '';
    if (url.pathname === '/charges') return { status: 200, body: { data: charges.all } };
    if (url.pathname === '/v1/charges') return { status: 200, body: { data: charges.withReference(reference) } };
    if (url.pathname === '/v1/refunds') return { status: 200, body: { data: charges.refundsOf(reference) } };
    return refusal(404, 'unknown_path');
  }

  function setCallbacks(next: CallbackOptions): void {
    callbacks?.close();
    callbacks = createCallbacks(next);
  }

  /** What only trials ask for: `{ key }` becomes the only key that is accepted, or every idempotency key is forgotten. */
  function trial(path: string, { key }: Record<string, string>): FakeAnswer | undefined {
    if (path === '/key') acceptedKey = key;
    else if (path === '/forgotten-keys') answers.clear();
    else return undefined;
    return { status: 200, body: {} };
  }

  function put(path: string, { url, ...others }: Record<string, string>): FakeAnswer {
    const done = trial(path, others);
    if (done !== undefined) return done;
    const secret = options.callbackSecret;
    if (path !== '/callback-url' || secret === undefined) return refusal(404, 'unknown_path');
    if (url === undefined || !URL.canParse(url)) return refusal(400, 'url_missing');
    setCallbacks({ url, secret });
    return { status: 200, body: { url } };
  }

  async function answerTo(request: IncomingMessage, url: URL, text: string): Promise<FakeAnswer | undefined> {
    const allowed = acceptedKey === undefined || request.headers.authorization === `Bearer ${acceptedKey}`;
    if (!allowed && url.pathname !== '/charges' && request.method !== 'PUT') return refusal(401, 'wrong_key');
    if (request.method === 'GET') return get(url);
    if (request.method === 'PUT') return put(url.pathname, parse(text));
    return await post(request, url.pathname, parse(text));
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://provider');
    const text = await readBody(request);
    if (calls.length < KEPT_CALLS) calls.push(`${request.method} ${url.pathname}`);
    const answer = await answerTo(request, url, text);
    if (answer === undefined) return;
    if (latencyMs > 0) await pause(latencyMs);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', 1_024, resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charges: () => charges.all,
    calls,
    get callbacks() {
      return callbacks;
    },
    chargeback: (charge, type = 'chargeback.opened', amount = charge.amount, told = {}) =>
      chargeback(charge, type, amount, told),
    endRefund,
    forgetKeys: () => answers.clear(),
    setCallbacks,
    close: async () => {
      callbacks?.close();
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A new API key for the provider. */
export function newProviderKey(): string {
  return `sk_test_${randomBytes(16).toString('hex')}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): Record<string, string> {
  const value: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, String(inner)]));
}
