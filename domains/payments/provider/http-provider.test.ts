import { startReceiver, type TestReceiver } from '../../../tests/support/receiver';
import { ProviderRefused } from '../rules/errors';
import { createHttpProvider } from './http-provider';
import { type PaymentProvider, ProviderUnavailable } from './provider';

let server: TestReceiver;
let provider: PaymentProvider;
beforeEach(async () => {
  server = await startReceiver();
  const url = server.url.replace(/\/hook$/, '/');
  provider = createHttpProvider({ url, key: 'sk_1', timeoutMs: 300 });
});
afterEach(() => server.close());

const request = {
  reference: 'pay_1',
  amount: 10n ** 15n,
  currency: 'EUR',
  token: 'tok_1',
  idempotencyKey: 'pay_1:authorise',
};
const authorise = () => provider.authorise(request);
const answer = (status: number, body: unknown, extra = {}) =>
  server.script({ status, body: typeof body === 'string' ? body : JSON.stringify(body), ...extra });
const charge = {
  id: 'ch_1',
  reference: 'pay_1',
  state: 'authorised',
  amount: '1000000000000000',
  currency: 'EUR',
  decline_code: null,
  captured_at: null,
};

test('an authorisation is sent with its key, the amount as exact minor units', async () => {
  answer(201, charge);
  expect(await authorise()).toMatchObject({ outcome: 'answered', charge: { id: 'ch_1', amount: 10n ** 15n } });
  const [received] = server.received;
  expect(received?.path).toBe('/v1/charges');
  expect(received?.headers).toMatchObject({ authorization: 'Bearer sk_1', 'idempotency-key': 'pay_1:authorise' });
  expect(JSON.parse(received?.body ?? '')).toEqual({
    reference: 'pay_1',
    amount: '1000000000000000',
    currency: 'EUR',
    source: 'tok_1',
  });
});

test('402 is an outcome, not an error, whatever its body', async () => {
  answer(402, { error: { code: 'card_declined' } });
  answer(402, 'no');
  expect(await authorise()).toEqual({ outcome: 'declined', code: 'card_declined' });
  expect(await authorise()).toEqual({ outcome: 'declined', code: 'unknown' });
});

test.each([
  [500, {}],
  [503, 'busy'],
  [429, {}],
  [408, {}],
  [409, { error: { code: 'idempotency_key_in_use' } }],
  [302, ''],
  [200, '<html>'],
  [201, { ...charge, amount: 12.5 }],
])('%i %j leaves open what became of it', async (status, body) => {
  answer(status, body, status === 302 ? { headers: { location: server.url } } : {});
  await expect(authorise()).rejects.toThrow(ProviderUnavailable);
  expect(server.received).toHaveLength(1);
});

test.each([
  [401, { error: { code: 'wrong_key' } }],
  [400, {}],
  [409, { error: { code: 'reference_closed' } }],
])('%i %j is a refusal that no repetition changes', async (status, body) => {
  answer(status, body);
  await expect(authorise()).rejects.toThrow(ProviderRefused);
  expect(server.received).toHaveLength(1);
});

test('no answer in time, a broken connection, no server: nobody knows what became of it', async () => {
  answer(201, charge, { delayMs: 2_000 });
  await expect(authorise()).rejects.toThrow('the provider did not answer in time');
  server.script({ status: 0 });
  await expect(authorise()).rejects.toThrow(ProviderUnavailable);
  await server.close();
  await expect(authorise()).rejects.toThrow(ProviderUnavailable);
  server = await startReceiver();
});

test('an answer without end is not read to its end', async () => {
  answer(201, `{"id":"${'x'.repeat(100_000)}"}`);
  await expect(authorise()).rejects.toThrow('the provider answered too much');
});

test('a look-up tells every charge with a reference', async () => {
  const captured = { ...charge, id: 'ch_2', state: 'captured', captured_at: '2026-01-01T00:00:00Z' };
  answer(200, { data: [{ ...charge, state: 'declined', decline_code: 'x' }, charge, captured] });
  expect(await provider.lookUp('pay_1')).toMatchObject([
    { state: 'declined' },
    { state: 'authorised' },
    { id: 'ch_2', state: 'captured', amount: 10n ** 15n, capturedAt: new Date('2026-01-01T00:00:00Z') },
  ]);
  answer(200, { data: [] });
  expect(await provider.lookUp('pay_1')).toEqual([]);
});

test('a void that comes too late says so', async () => {
  answer(409, { error: { code: 'already_captured' } });
  answer(200, { data: [{ ...charge, state: 'captured', captured_at: '2026-01-01T00:00:00Z' }] });
  expect(await provider.void({ reference: 'pay_1', idempotencyKey: 'pay_1:void' })).toEqual({
    outcome: 'captured',
  });
});
