import { toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { carryOnRefund, paymentDeps } from '../../../domains/payments';
import { readRefund } from '../../../domains/payments/store/refunds';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';
import { refundCalls, storeRefund, untilRefund } from '../../support/refunds';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ terms: { disputeFee: 1_500n }, env: { WAYBILL_PAYMENT_PACE: '0.001' } });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const refund = (paymentId: string, body: object = {}) => api.post(`/v1/payments/${paymentId}/refunds`, body);
const pending = () => api.balance(ACCOUNTS.merchantPending(api.merchantId));
const of = async (paymentId: string) => (await api.call('GET', `/v1/chargebacks?paymentId=${paymentId}`)).body.data;
const told = async (type: string, id: string) =>
  (await api.events(type)).filter(({ data }) => data.chargebackId === id);
const carryOn = (id: string, last = false) =>
  carryOnRefund(paymentDeps(api.pipeline.platform), id, { lastUnclear: last, lastPending: last });

async function pay(amount = '10000') {
  const { body: payment } = await api.payByCard('tok_ok', amount);
  const [charge] = api.chargesOf(payment.id);
  if (charge === undefined) throw new Error('there is no charge');
  return { payment, charge };
}

type Told = Readonly<Record<string, string>>;

/** Has the provider report, and waits until all of the payment's chargebacks are in these states. */
async function report(
  { payment, charge }: Awaited<ReturnType<typeof pay>>,
  [type, amount, extra]: [type: 'opened' | 'won' | 'lost', amount: string, extra?: Told],
  ...states: string[]
) {
  api.provider.chargeback(charge, `chargeback.${type}`, amount, extra);
  let last = '';
  return eventually(
    async () => {
      const found = await of(payment.id);
      last = found.map(({ state }: { state: string }) => state).join();
      return last === states.join() ? found : undefined;
    },
    undefined,
    () => `${last}, not ${states.join()}`,
  );
}

test('a partial chargeback leaves the rest to be refunded, and no more', async () => {
  const paid = await pay();
  await report(paid, ['opened', '4000'], 'posted');
  const refused = await refund(paid.payment.id, { amount: '6001' });
  expect([refused.status, refused.body.errors?.[0]?.detail]).toEqual([422, expect.stringContaining('6000')]);
  expect(refused.body.errors[0].detail).toContain('/v1/chargebacks?paymentId=');
  expect((await refund(paid.payment.id)).body).toMatchObject({ state: 'succeeded', amount: '6000' });
  expect((await refund(paid.payment.id)).status).toBe(409);
});

test.each([
  ['lost', ['lost', '4000'], 'lost', '6000'],
  ['won', ['won', '4000'], 'reversed', '10000'],
  ['won in part', ['won', '1000'], 'partly_won', '7000'],
] as const)('a dispute that is %s leaves the right amount to be refunded', async (_, [type, amount], state, left) => {
  const paid = await pay();
  const before = await pending();
  await report(paid, ['opened', '4000'], 'posted');
  const [found] = await report(paid, [type, amount], state);
  const type2 = state === 'reversed' ? 'won' : state;
  expect(await told(`chargeback.${type2}`, found.id)).toHaveLength(1);
  // What is taken stays with the merchant's debt, with the fee; a full win gives both back.
  const gone = 10_000n - BigInt(left);
  expect(await pending()).toBe(before + gone + (gone > 0n ? 1_500n : 0n));
  expect((await refund(paid.payment.id)).body).toMatchObject({ state: 'succeeded', amount: left });
});

test.each([
  ['before the dispute', ['lost', 'opened']],
  ['after it', ['opened', 'lost']],
] as const)('a decision against the merchant that comes %s is kept', async (_, [first, second]) => {
  const paid = await pay();
  api.provider.chargeback(paid.charge, `chargeback.${first}`);
  const [found] = await report(paid, [second, '10000'], 'lost');
  expect(found).toMatchObject({ takenAmount: '10000' });
  expect(await told('chargeback.opened', found.id)).toHaveLength(1);
  expect(await told('chargeback.lost', found.id)).toHaveLength(1);
});

test('a chargeback on a refunded payment is put before a person instead of being posted', async () => {
  const paid = await pay();
  expect((await refund(paid.payment.id)).body.state).toBe('succeeded');
  const before = await pending();
  const [found] = await report(paid, ['opened', '10000'], 'needs_review');
  expect(found).toMatchObject({ reviewCode: 'exceeds_payment', takenAmount: '0' });
  expect(await pending()).toBe(before);
  expect(await told('chargeback.needs_review', found.id)).toHaveLength(1);
});

test('chargebacks that come to more than their payment together are put before a person', async () => {
  const paid = await pay();
  await report(paid, ['opened', '6000', { id: `cb_a_${paid.charge.id}` }], 'posted');
  await report(paid, ['opened', '6000', { id: `cb_b_${paid.charge.id}` }], 'needs_review', 'posted');
});

test.each<[string, 'opened' | 'won' | 'lost', string, Told, string]>([
  ['with another amount', 'opened', '3000', {}, 'another_amount'],
  ['with another currency', 'opened', '4000', { currency: 'USD' }, 'another_currency'],
  ['as won in another currency', 'won', '4000', { currency: 'USD' }, 'another_currency'],
  ['as won with more than was taken', 'won', '4001', {}, 'more_than_taken'],
  ['as lost with another amount', 'lost', '3999', {}, 'another_amount'],
])('a known dispute that is told %s is flagged and not posted', async (_, type, amount, extra, code) => {
  const paid = await pay();
  await report(paid, ['opened', '4000'], 'posted');
  const before = await pending();
  const [found] = await report(paid, [type, amount, extra], 'needs_review');
  expect(found).toMatchObject({ reviewCode: code, takenAmount: '4000' });
  expect(found.providerSays).toMatchObject({ type: `chargeback.${type}`, amount, currency: extra.currency ?? 'EUR' });
  expect(await pending()).toBe(before);
  expect(await told('chargeback.needs_review', found.id)).toHaveLength(1);
});

test('a known dispute that is told of another charge is flagged with that charge, and the first one stays', async () => {
  const [one, two] = [await pay(), await pay()];
  await report(one, ['opened', '4000'], 'posted');
  const before = await pending();
  const extra = { id: `cb_${one.charge.id}` };
  const [found] = await report(two, ['won', '4000', extra], 'needs_review');
  expect(found).toMatchObject({ reviewCode: 'another_charge', takenAmount: '0' });
  expect(await of(one.payment.id)).toMatchObject([{ state: 'posted', takenAmount: '4000' }]);
  expect(await pending()).toBe(before);
});

test('a dispute that opens before a refund is sent has priority: nothing is sent', async () => {
  const paid = await pay();
  const id = await storeRefund(api, paid.payment.id, 8_000n);
  const before = refundCalls(api);
  await report(paid, ['opened', '10000'], 'posted');
  expect(await carryOn(id)).toMatchObject({ outcome: 'ended', state: 'failed', code: 'charged_back' });
  expect(refundCalls(api)).toBe(before);
});

test('a dispute waits for a refund that may be on its way, and both do not post more than the payment', async () => {
  const paid = await pay();
  paid.charge.source = 'tok_refund_failing';
  const id = await storeRefund(api, paid.payment.id, 8_000n);
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting' });
  api.provider.chargeback(paid.charge, 'chargeback.opened', '10000');
  const flagged = await eventually(async () => {
    const [found] = await of(paid.payment.id);
    return found?.state === 'needs_review' ? found : undefined;
  });
  expect(flagged.takenAmount).toBe('0');
  // Nothing more is sent while it is in dispute; what was sent stays unclear.
  const before = refundCalls(api);
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting' });
  expect(await carryOn(id, true)).toMatchObject({ state: 'needs_review', code: 'charged_back' });
  expect(refundCalls(api)).toBe(before);
});

test('a refund that was made although its payment was charged back meanwhile is not posted on top', async () => {
  const paid = await pay();
  const id = await storeRefund(api, paid.payment.id, 8_000n);
  await report(paid, ['opened', '10000'], 'posted');
  paid.charge.refunds.push({
    id: 're_1',
    reference: id,
    state: 'succeeded',
    amount: '8000',
    currency: 'EUR',
    failure_code: null,
    created_at: new Date().toISOString(),
  });
  await api.deps.pool.query('UPDATE refunds SET calls = 1, first_called_at = now() WHERE id = $1', [toUuid(id)]);
  const [made] = paid.charge.refunds;
  if (made !== undefined) api.provider.endRefund(made, 'succeeded');
  const flagged = await untilRefund(api, paid.payment.id, id, 'needs_review');
  expect(flagged).toMatchObject({
    failureCode: 'charged_back',
    refundedAmount: '0',
    providerSays: [{ amount: '8000' }],
  });
  expect((await readRefund(api.deps.pool, id))?.bookedAmount).toBe(0n);
});

test('whatever comes of a refund and a dispute at the same time, no more than the payment is taken', async () => {
  for (let n = 0; n < 4; n++) {
    const paid = await pay();
    const before = await pending();
    api.provider.chargeback(paid.charge);
    const answer = await refund(paid.payment.id);
    const [found] = await eventually(async () => {
      const all = await of(paid.payment.id);
      return ['posted', 'needs_review'].includes(all[0]?.state) ? all : undefined;
    });
    const refunded = answer.status < 300 ? BigInt(answer.body.refundedAmount) : 0n;
    const taken = BigInt(found.takenAmount);
    expect(refunded + taken).toBeLessThanOrEqual(10_000n);
    expect(await pending()).toBe(before + refunded + taken + (taken > 0n ? 1_500n : 0n));
  }
});
