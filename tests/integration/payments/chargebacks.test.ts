import { newId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { newSecret, parseSecret, sign } from '../../../domains/webhooks/rules/signature';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ terms: { disputeFee: 1_500n, taxBps: 1_000 }, callbackCopies: 3 });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const pending = () => api.balance(ACCOUNTS.merchantPending(api.merchantId));

function untilChargeback(paymentId: string, state: string) {
  return eventually(async () => {
    const { body } = await api.call('GET', `/v1/chargebacks?paymentId=${paymentId}`);
    expect(body.data.length).toBeLessThanOrEqual(1);
    return body.data[0]?.state === state ? body.data[0] : undefined;
  });
}

test('a chargeback takes amount and dispute fee from the merchant, once, though it is told three times', async () => {
  const before = await pending();
  const { body: payment } = await api.payByCard('tok_chargeback', '10000');
  const chargeback = await untilChargeback(payment.id, 'posted');
  expect(chargeback).toMatchObject({ amount: '10000', fee: '1500', feeTax: '150', reason: 'fraudulent' });
  await eventually(() => {
    const told = api.provider.callbacks?.sent.filter(({ type }) => type === 'chargeback.opened') ?? [];
    return told.length >= 3 && told.every(({ status }) => status === 204) ? true : undefined;
  });
  // The capture's own fee stays with us: 2.9 % and 30, and its tax.
  expect(await pending()).toBe(before + 320n + 32n + 1_650n);
  expect((await api.events('chargeback.opened')).filter(({ data }) => data.paymentId === payment.id)).toHaveLength(1);
  expect((await api.call('GET', `/v1/chargebacks/${chargeback.id}`)).body).toEqual(chargeback);
});

test('a dispute that is won gives back what the chargeback took', async () => {
  const before = await pending();
  const { body: payment } = await api.payByCard('tok_chargeback_won', '10000');
  await untilChargeback(payment.id, 'reversed');
  expect(await pending()).toBe(before - (10_000n - 352n));
  expect((await api.events('chargeback.won')).filter(({ data }) => data.paymentId === payment.id)).toHaveLength(1);
});

test.each([
  ['before the dispute', 500],
  ['at the same time as the dispute', 0],
])('a decision that is told %s is posted and taken back once', async (_, waitMs) => {
  const { body: payment } = await api.payByCard('tok_ok', '10000');
  const before = await pending();
  const [charge] = api.chargesOf(payment.id);
  if (charge === undefined) throw new Error('there is no charge');
  api.provider.chargeback(charge, 'chargeback.won');
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  api.provider.chargeback(charge, 'chargeback.opened');
  await untilChargeback(payment.id, 'reversed');
  expect(await pending()).toBe(before);
});

test('a payment that was charged back is not refunded on top', async () => {
  const { body: payment } = await api.payByCard('tok_chargeback', '10000');
  await untilChargeback(payment.id, 'posted');
  const refused = await api.post(`/v1/payments/${payment.id}/refunds`);
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('charged back')]);
});

test('a chargeback that is told before the capture is kept here is posted after it', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '5000');
  const [charge] = api.chargesOf(payment.id);
  if (charge === undefined) throw new Error('there is no charge');
  const capture = ['captured', 'authorised'];
  await move(payment.id, capture);
  api.provider.chargeback(charge);
  await untilChargeback(payment.id, 'received');
  await move(payment.id, capture.reverse());
  await untilChargeback(payment.id, 'posted');
});

test('more than was captured is for people to look at', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '5000');
  const before = await pending();
  const [charge] = api.chargesOf(payment.id);
  if (charge === undefined) throw new Error('there is no charge');
  api.provider.chargeback(charge, 'chargeback.opened', '5001');
  await untilChargeback(payment.id, 'needs_review');
  expect(await pending()).toBe(before);
});

describe('a callback', () => {
  const body = (reference: string, type = 'chargeback.opened') =>
    JSON.stringify({
      type,
      data: {
        id: `cb_${reference}`,
        charge_reference: reference,
        amount: '100',
        currency: 'EUR',
        reason: 'fraudulent',
        occurred_at: new Date().toISOString(),
      },
    });

  function send(text: string, secret = api.secret, timestamp = Math.floor(Date.now() / 1_000)) {
    const key = parseSecret(secret);
    if (key === undefined) throw new Error('not a secret');
    return api.call('POST', '/callbacks/payments', {
      key: null,
      body: text,
      headers: {
        'content-type': 'application/json',
        'webhook-id': 'cb_1',
        'webhook-timestamp': String(timestamp),
        'webhook-signature': sign([key], 'cb_1', timestamp, text),
      },
    });
  }

  test('with another signature, without one, or of another time is refused', async () => {
    const { body: payment } = await api.payByCard('tok_ok');
    const text = body(payment.id);
    expect((await send(text, newSecret())).status).toBe(401);
    expect((await send(text, api.secret, Math.floor(Date.now() / 1_000) - 301)).status).toBe(401);
    const bare = await api.call('POST', '/callbacks/payments', {
      key: null,
      body: text,
      headers: { 'content-type': 'application/json' },
    });
    expect(bare.status).toBe(401);
    expect((await api.call('GET', `/v1/chargebacks?paymentId=${payment.id}`)).body.data).toEqual([]);
  });

  test('about nobody is answered 404, of an unknown type 204, in an unknown form 422, not JSON or in doubt 400', async () => {
    expect((await send(body(newId('pay')))).status).toBe(404);
    expect((await send(body('A-1'))).status).toBe(404);
    expect((await send(body('A-1', 'charge.captured'))).status).toBe(204);
    expect((await send('{"type":"chargeback.opened","data":{}}')).status).toBe(422);
    expect((await send('{"type":')).status).toBe(400);
    const twice = await send(body('A-1').replace('"amount"', '"amount":"1","amount"'));
    expect([twice.status, twice.body.errors?.[0]?.pointer]).toEqual([400, '#/data/amount']);
    const { body: payment } = await api.payByCard('tok_ok');
    expect((await send(body(payment.id).replace('"100"', '"-100"'))).status).toBe(422);
    expect((await send(body(payment.id).replace('fraudulent', 'a\\u0000b'))).status).toBe(422);
  });
});

/** Makes a payment look as it does just before its capture is stored, and back. */
async function move(paymentId: string, [from, to]: string[]): Promise<void> {
  await api.deps.pool.query('UPDATE payments SET state = $3 WHERE id = $1 AND state = $2', [
    toUuid(paymentId),
    from,
    to,
  ]);
}
