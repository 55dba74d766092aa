import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ business: { refundFeePolicy: 'prorate' }, terms: { taxBps: 1_900 } });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const refund = (paymentId: string, body: object = {}, key?: string) =>
  api.post(`/v1/payments/${paymentId}/refunds`, body, key);
const orderState = async (orderId: string) => (await api.call('GET', `/v1/orders/${orderId}`)).body.state;

test('a payment is refunded as a whole, and the merchant is where it was before', async () => {
  const before = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
  const { body: payment } = await api.payByCard('tok_ok', '9999');
  const answer = await refund(payment.id, { reason: 'changed their mind' });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ state: 'succeeded', amount: '9999', feeReturned: payment.fee });
  expect(answer.body.feeTaxReturned).toBe(payment.feeTax);
  expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(before);
  expect(await orderState(payment.orderId)).toBe('refunded');
  expect(api.chargesOf(payment.id)[0]?.refunds).toMatchObject([{ amount: '9999', reference: answer.body.id }]);
  const events = await api.events('refund.succeeded');
  expect(events.map(({ data }) => data.refundId)).toContain(answer.body.id);
  const listed = await api.call('GET', `/v1/payments/${payment.id}/refunds`);
  expect(listed.body.data).toMatchObject([{ id: answer.body.id }]);
  expect((await api.call('GET', answer.get('location') ?? '')).body.state).toBe('succeeded');
});

test('refunds in whatever parts give back exactly the fee and its tax', async () => {
  const parts = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, async (amounts) => {
      const total = amounts.reduce((sum, amount) => sum + amount, 0);
      const { body: payment } = await api.payByCard('tok_ok', String(total));
      const answers = await Promise.all(amounts.map((amount) => refund(payment.id, { amount: String(amount) })));
      const sum = (name: string) => answers.reduce((all, { body }) => all + BigInt(body[name]), 0n);
      expect([sum('feeReturned'), sum('feeTaxReturned')]).toEqual([BigInt(payment.fee), BigInt(payment.feeTax)]);
      expect(await orderState(payment.orderId)).toBe('refunded');
    }),
    { numRuns: 6 },
  );
});

test('a part leaves the order partially refunded; more than is left is refused, and nothing of it happens', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  expect((await refund(payment.id, { amount: '400' })).body.state).toBe('succeeded');
  expect(await orderState(payment.orderId)).toBe('partially_refunded');
  const refused = await refund(payment.id, { amount: '601' });
  expect(refused.status).toBe(422);
  expect(refused.body.errors).toMatchObject([{ pointer: '#/amount', detail: expect.stringContaining('600') }]);
  expect((await refund(payment.id)).body).toMatchObject({ amount: '600', state: 'succeeded' });
  expect((await refund(payment.id)).status).toBe(409);
  expect(api.chargesOf(payment.id)[0]?.refunds).toHaveLength(2);
});

test('refunds at the same time never give back more than was captured', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const answers = await Promise.all(Array.from({ length: 10 }, () => refund(payment.id, { amount: '300' })));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(7);
  expect((await api.call('GET', `/v1/payments/${payment.id}`)).body.refundedAmount).toBe('900');
});

test('a repeated request refunds once', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const key = randomUUID();
  const first = await refund(payment.id, { amount: '100' }, key);
  const second = await refund(payment.id, { amount: '100' }, key);
  expect(second.body).toEqual(first.body);
  expect(api.chargesOf(payment.id)[0]?.refunds).toHaveLength(1);
});

test.each(['tok_refund_timeout_after_success', 'tok_refund_never_answered'])(
  '%s: a missed answer refunds neither twice nor unnoticed',
  async (token) => {
    const { body: payment } = await api.payByCard(token, '1000');
    const { body } = await refund(payment.id, { amount: '250' });
    const done = await eventually(async () => {
      const { body: now } = await api.call('GET', `/v1/payments/${payment.id}/refunds/${body.id}`);
      return now.state === 'pending' ? undefined : now;
    });
    expect(done.state).toBe('succeeded');
    expect(api.chargesOf(payment.id)[0]?.refunds).toHaveLength(1);
  },
);

test('a refund that the provider refuses fails, and its amount can be refunded again', async () => {
  const { body: payment } = await api.payByCard('tok_refund_refused', '1000');
  const { body } = await refund(payment.id);
  expect(body).toMatchObject({ state: 'failed', failureCode: 'refund_refused', feeReturned: null });
  expect(await orderState(payment.orderId)).toBe('paid');
  expect((await refund(payment.id)).body).toMatchObject({ amount: '1000', state: 'failed' });
  expect((await api.events('refund.failed')).map(({ data }) => data.refundId)).toContain(body.id);
});

test('what was not captured is not refunded', async () => {
  const { body: payment } = await api.payByCard('tok_declined');
  const refused = await refund(payment.id);
  expect([refused.status, refused.body.detail]).toEqual([409, 'The payment cannot be refunded: it is declined.']);
});
