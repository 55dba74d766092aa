import { randomUUID } from 'node:crypto';
import { newId } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ terms: { taxBps: 1_900 } });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const card = (token: string) => ({ source: { type: 'card', token } });

test('a card payment is authorised, captured and posted with its fee, and the order is paid', async () => {
  const before = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
  const orderId = await api.newOrder('12345');
  const answer = await api.post('/v1/payments', { orderId, ...card('tok_ok') });
  expect(answer.status).toBe(201);
  expect(answer.get('location')).toBe(`/v1/payments/${answer.body.id}`);
  // 2.9 % of 12345 is 358.005, and 30; the tax is 19 % of 388, 73.72.
  expect(answer.body).toMatchObject({ state: 'captured', fee: '388', feeTax: '74', source: { type: 'card' } });
  expect(JSON.stringify(answer.body)).not.toContain('tok_ok');
  expect((await api.call('GET', `/v1/orders/${orderId}`)).body.state).toBe('paid');
  expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(before - (12345n - 388n - 74n));
  expect(api.chargesOf(answer.body.id)).toMatchObject([{ state: 'captured', amount: '12345', currency: 'EUR' }]);
  const events = await api.events('payment.captured');
  expect(events.find(({ data }) => data.paymentId === answer.body.id)?.data).toMatchObject({ orderId, fee: '388' });
  const metrics = await api.deps.metrics.registry.metrics();
  expect(metrics).toMatch(/^payment_events_total\{type="payment.captured"\} [1-9]/m);
  expect(metrics).toMatch(/^payment_events_total\{type="refund.needs_review"\} 0$/m);
});

test('a repeated request is answered as the first was, and charges once', async () => {
  const key = randomUUID();
  const orderId = await api.newOrder();
  const body = { orderId, ...card('tok_ok') };
  const first = await api.post('/v1/payments', body, key);
  const second = await api.post('/v1/payments', body, key);
  expect(second.status).toBe(201);
  expect(second.get('idempotent-replayed')).toBe('true');
  expect(second.body).toEqual(first.body);
  expect(api.chargesOf(first.body.id)).toHaveLength(1);
});

test.each([
  ['tok_declined', 'card_declined'],
  ['tok_insufficient', 'insufficient_funds'],
  ['tok_of_nobody', 'invalid_card'],
])('%s is declined at once and not asked again; the order can be paid by another card', async (token, code) => {
  const orderId = await api.newOrder();
  const declined = await api.post(`/v1/orders/${orderId}/pay`, card(token));
  expect(declined.status).toBe(201);
  expect(declined.body).toMatchObject({ state: 'declined', declineCode: code, fee: null });
  expect(api.chargesOf(declined.body.id)).toHaveLength(1);
  const paid = await api.post(`/v1/orders/${orderId}/pay`, card('tok_ok'));
  expect(paid.body.state).toBe('captured');
});

test('an authorisation that fails twice is tried a third time', async () => {
  const { body } = await api.payByCard('tok_error_then_ok');
  expect(body.state).toBe('captured');
  expect(api.chargesOf(body.id)).toHaveLength(1);
});

test.each([
  'tok_timeout_after_success',
  'tok_authorise_never_answered',
  'tok_capture_timeout_after_success',
  'tok_capture_never_answered',
])('%s: an answer that is missed charges neither twice nor unnoticed', async (token) => {
  const { body } = await api.payByCard(token);
  await api.untilPayment(body.id, 'captured');
  expect(api.chargesOf(body.id)).toMatchObject([{ state: 'captured' }]);
});

test('a refused capture lets the authorised money go, and the order can be paid anew', async () => {
  const orderId = await api.newOrder();
  const { body } = await api.post('/v1/payments', { orderId, ...card('tok_capture_refused') });
  expect(body).toMatchObject({ state: 'voided', declineCode: 'capture_refused' });
  expect(api.chargesOf(body.id)).toMatchObject([{ state: 'voided' }]);
  expect((await api.call('GET', `/v1/orders/${orderId}`)).body.state).toBe('created');
  expect((await api.events('payment.failed')).map(({ data }) => data.paymentId)).toContain(body.id);
});

test('a capture that fails whenever it is tried lets the money go', async () => {
  const { body } = await api.payByCard('tok_capture_failing');
  await api.untilPayment(body.id, 'voided');
  expect(api.chargesOf(body.id)).toMatchObject([{ state: 'voided' }]);
});

test('an order is paid once, however many pay it at the same time', async () => {
  const before = api.provider.charges().length;
  const orderId = await api.newOrder();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => api.post('/v1/payments', { orderId, ...card('tok_ok') })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(api.provider.charges().length).toBe(before + 1);
  const { body } = await api.call('GET', `/v1/payments?orderId=${orderId}`);
  expect(body.data).toHaveLength(1);
});

test('an order in payment or paid is not cancelled, a cancelled one not paid', async () => {
  const paid = await api.newOrder();
  await api.post(`/v1/orders/${paid}/pay`, card('tok_ok'));
  expect((await api.post(`/v1/orders/${paid}/cancel`)).status).toBe(409);
  const cancelled = await api.newOrder();
  expect((await api.post(`/v1/orders/${cancelled}/cancel`)).body.state).toBe('cancelled');
  expect((await api.post(`/v1/orders/${cancelled}/cancel`)).body.state).toBe('cancelled');
  const refused = await api.post(`/v1/orders/${cancelled}/pay`, card('tok_ok'));
  expect([refused.status, refused.body.detail]).toEqual([409, 'The order cannot be paid: it is cancelled.']);
});

test('a merchant without a fee schedule for the currency is not paid for, and the answer says what to do', async () => {
  const { body: order } = await api.post('/v1/orders', { merchantId: api.merchantId, amount: '500', currency: 'KWD' });
  const answer = await api.post('/v1/payments', { orderId: order.id, ...card('tok_ok') });
  expect(answer.status).toBe(422);
  expect(answer.body.detail).toMatch(/fee schedule for KWD.*POST \/v1\/fee-schedules/);
  expect((await api.post(`/v1/orders/${order.id}/pay`, card('tok_ok'))).body.detail).toBe(answer.body.detail);
});

test("an order, a wallet and a merchant of another tenant are as unknown as nobody's", async () => {
  const stranger = await api.newTenant();
  await insertBusiness(api.deps.pool, stranger.tenantId);
  const merchant = await insertMerchant(api.deps.pool, stranger.tenantId);
  await insertFeeSchedule(api.deps.pool, stranger.tenantId);
  const call = (path: string, body: object) =>
    api.call('POST', path, { key: stranger.key, body, headers: { 'idempotency-key': randomUUID() } });
  const orderId = await api.newOrder();
  const walletId = await api.newWallet('100');
  expect((await call('/v1/payments', { orderId, ...card('tok_ok') })).body.errors[0].detail).toBe(
    'there is no such order',
  );
  const own = await call('/v1/orders', { merchantId: merchant.id, amount: '5', currency: 'EUR' });
  const source = { type: 'wallet', walletId };
  const taken = await call('/v1/payments', { orderId: own.body.id, source });
  expect(taken.body.errors[0].detail).toBe('there is no such wallet');
  const foreign = await call('/v1/orders', { merchantId: api.merchantId, amount: '5', currency: 'EUR' });
  expect(foreign.body.errors[0].detail).toBe('there is no such merchant');
  expect((await call(`/v1/orders/${newId('ord')}/pay`, card('tok_ok'))).status).toBe(404);
});
