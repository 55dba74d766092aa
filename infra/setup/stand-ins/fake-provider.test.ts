import { newSecret, verifySignature } from '../../../domains/webhooks/rules/signature';
import { startReceiver, type TestReceiver } from '../../../tests/support/receiver';
import { type FakeProvider, type FakeProviderOptions, startFakeProvider } from './fake-provider';

let provider: FakeProvider;
let receiver: TestReceiver | undefined;
afterEach(async () => {
  await provider.close();
  await receiver?.close();
  receiver = undefined;
});

async function start(options: FakeProviderOptions = {}): Promise<void> {
  provider = await startFakeProvider(options);
}

async function post(path: string, body: object, key: string, withinMs = 1_000) {
  const response = await fetch(provider.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(withinMs),
  });
  return { status: response.status, body: (await response.json()) as { id: string; state: string } };
}

const charge = (source = 'tok_ok') => ({ reference: 'pay_1', amount: '500', currency: 'EUR', source });

test('a call with the same key is one call and gets the same answer', async () => {
  await start();
  const first = await post('/v1/charges', charge(), 'a');
  expect(first.status).toBe(201);
  expect(await post('/v1/charges', charge(), 'a')).toEqual(first);
  expect(provider.charges()).toHaveLength(1);
});

test('a call with another key charges again: who changes the key is found out', async () => {
  await start();
  await post('/v1/charges', charge(), 'a');
  await post('/v1/charges', charge(), 'b');
  expect(provider.charges()).toHaveLength(2);
});

test('a call without a key is refused', async () => {
  await start();
  const response = await fetch(`${provider.url}/v1/charges`, { method: 'POST', body: JSON.stringify(charge()) });
  expect(response.status).toBe(400);
});

test('two calls with one key at the same time: the second is told so', async () => {
  await start();
  const slow = post('/v1/charges', charge('tok_slow'), 'a', 5_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await post('/v1/charges', charge('tok_slow'), 'a')).toMatchObject({
    status: 409,
    body: { error: { code: 'idempotency_key_in_use' } },
  });
  expect((await slow).status).toBe(201);
});

test('tok_timeout_after_success charges, never answers, and answers the repetition', async () => {
  await start();
  await expect(post('/v1/charges', charge('tok_timeout_after_success'), 'a', 200)).rejects.toThrow(/timeout/i);
  expect(provider.charges()).toMatchObject([{ state: 'authorised' }]);
  expect((await post('/v1/charges', charge('tok_timeout_after_success'), 'a')).status).toBe(201);
  expect(provider.charges()).toHaveLength(1);
});

test('tok_error_then_ok fails twice without a charge, then charges', async () => {
  await start();
  const statuses = [];
  for (let time = 0; time < 3; time++) {
    statuses.push((await post('/v1/charges', charge('tok_error_then_ok'), 'a')).status);
    if (time < 2) expect(provider.charges()).toEqual([]);
  }
  expect(statuses).toEqual([500, 500, 201]);
});

test('a void closes its reference also when nothing is known of it yet', async () => {
  await start();
  expect((await post('/v1/voids', { reference: 'pay_1' }, 'v')).status).toBe(200);
  expect(await post('/v1/charges', charge(), 'a')).toMatchObject({ status: 409 });
  expect(provider.charges()).toEqual([]);
});

test('what is captured is neither voided nor captured again, and not refunded beyond its amount', async () => {
  await start();
  const { id } = (await post('/v1/charges', charge(), 'a')).body;
  expect((await post(`/v1/charges/${id}/capture`, {}, 'c')).body.state).toBe('captured');
  expect((await post(`/v1/charges/${id}/capture`, {}, 'd')).status).toBe(409);
  expect((await post('/v1/voids', { reference: 'pay_1' }, 'v')).status).toBe(409);
  const refund = (amount: string, key: string) => post(`/v1/charges/${id}/refunds`, { reference: key, amount }, key);
  expect((await refund('300', 'r1')).status).toBe(201);
  expect((await refund('201', 'r2')).status).toBe(402);
  expect((await refund('200', 'r3')).status).toBe(201);
});

test('callbacks go where it is told, signed with the secret it was started with', async () => {
  receiver = await startReceiver();
  const secret = newSecret();
  await start({ callbackSecret: secret });
  const tell = (body: object) =>
    fetch(`${provider.url}/callback-url`, { method: 'PUT', body: JSON.stringify(body) }).then(({ status }) => status);
  expect(await tell({ url: 'nowhere' })).toBe(400);
  expect(await tell({ url: receiver.url })).toBe(200);
  const { id } = (await post('/v1/charges', charge(), 'a')).body;
  await post(`/v1/charges/${id}/capture`, {}, 'c');
  await receiver.waitFor(1);
  expect(receiver.received[0]?.body).toContain('charge.captured');
  expect(receiver.received.map((callback) => verified(callback, secret))).toEqual([{ ok: true }]);
});

test('a chargeback is told by a signed callback, as many times as asked, until it is accepted', async () => {
  receiver = await startReceiver();
  receiver.script({ status: 500 });
  const secret = newSecret();
  await start({ callbacks: { url: receiver.url, secret, copies: 2, retryMs: 20 }, chargebackAfterMs: 10 });
  const { id } = (await post('/v1/charges', charge('tok_chargeback'), 'a')).body;
  await post(`/v1/charges/${id}/capture`, {}, 'c');
  // Two of the capture, two of the chargeback, and one that was refused.
  await receiver.waitFor(5);
  const told = receiver.received.filter(({ body }) => body.includes('chargeback.opened'));
  expect(new Set(told.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  for (const callback of told) {
    expect(verified(callback, secret)).toEqual({ ok: true });
    expect(JSON.parse(callback.body).data).toMatchObject({ charge_reference: 'pay_1', amount: '500', currency: 'EUR' });
  }
});

function verified({ headers, body }: TestReceiver['received'][number], secret: string) {
  const text = (name: string) => String(headers[name]);
  const signed = { id: text('webhook-id'), timestamp: text('webhook-timestamp'), signature: text('webhook-signature') };
  return verifySignature({ secret, headers: signed, body });
}
