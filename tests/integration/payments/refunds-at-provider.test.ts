import { toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { carryOnRefund, paymentDeps } from '../../../domains/payments';
import { startRefund } from '../../../domains/payments/start';
import { readRefund } from '../../../domains/payments/store/refunds';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';
import { refundCalls, storeRefund, untilRefund } from '../../support/refunds';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ business: { refundFeePolicy: 'prorate' }, env: { WAYBILL_PAYMENT_PACE: '0.001' } });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const refund = (paymentId: string, amount: string) => api.post(`/v1/payments/${paymentId}/refunds`, { amount });
const pending = () => api.balance(ACCOUNTS.merchantPending(api.merchantId));
const payment = async (id: string) => (await api.call('GET', `/v1/payments/${id}`)).body;
const orderState = async (id: string) => (await api.call('GET', `/v1/orders/${id}`)).body.state;
const told = async (type: string, refundId: string) =>
  (await api.events(type)).filter(({ data }) => data.refundId === refundId);
const round = { lastUnclear: false, lastPending: false };
const carryOn = (id: string, last = false) =>
  carryOnRefund(paymentDeps(api.pipeline.platform), id, last ? { lastUnclear: true, lastPending: true } : round);

/** Runs its workflow once more, as a reset or a sweep does. */
async function runAgain(id: string): Promise<void> {
  const found = await readRefund(api.deps.pool, id);
  if (found === undefined) throw new Error('there is no refund');
  const handle = await startRefund(api.pipeline, found, { source: 'card', resume: true });
  await handle?.result();
}

test.each([
  ['tok_refund_half', '2500', 'EUR'],
  ['tok_refund_half_never_answered', '2500', 'EUR'],
  ['tok_refund_in_usd', '5000', 'USD'],
])('%s: what the provider made instead is not booked as what was asked for', async (token, amount, currency) => {
  const { body: paid } = await api.payByCard(token, '10000');
  const before = await pending();
  const { body } = await refund(paid.id, '5000');
  const flagged = await untilRefund(api, paid.id, body.id, 'needs_review');
  expect(flagged).toMatchObject({ failureCode: 'amount_mismatch', refundedAmount: '0' });
  expect(flagged.providerSays).toMatchObject([{ amount, currency, reference: body.id, state: 'succeeded' }]);
  expect(await pending()).toBe(before);
  expect((await payment(paid.id)).refundedAmount).toBe('0');
  expect(await told('refund.needs_review', body.id)).toHaveLength(1);
  // Its part stays set aside.
  expect((await refund(paid.id, '5001')).status).toBe(422);
});

test('a refund that the provider is not done with is pending until it reports that it is made', async () => {
  const { body: paid } = await api.payByCard('tok_refund_pending', '10000');
  const { body } = await refund(paid.id, '4000');
  const done = await untilRefund(api, paid.id, body.id, 'succeeded');
  expect(done).toMatchObject({ refundedAmount: '4000', providerReference: api.chargesOf(paid.id)[0]?.refunds[0]?.id });
  expect(await orderState(paid.orderId)).toBe('partially_refunded');
  expect(refundCalls(api)).toBeGreaterThan(0);
});

test('a pending refund that fails is failed, and its part can be refunded again', async () => {
  const { body: paid } = await api.payByCard('tok_refund_pending_fails', '10000');
  const before = await pending();
  const { body } = await refund(paid.id, '10000');
  const failed = await untilRefund(api, paid.id, body.id, 'failed');
  expect(failed).toMatchObject({ failureCode: 'account_closed', refundedAmount: '0' });
  expect(await pending()).toBe(before);
  expect((await refund(paid.id, '10000')).status).toBeLessThan(300);
});

test('a pending refund is asked for as well, and asking alone does not change its updatedAt', async () => {
  const { body: paid } = await api.payByCard('tok_refund_pending', '10000');
  api.provider.setCallbacks({ url: `${api.url}/nowhere`, secret: api.secret });
  const id = await storeRefund(api, paid.id, 1_000n);
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting', for: 'provider' });
  const [first] = api.chargesOf(paid.id)[0]?.refunds ?? [];
  await eventually(() => (first?.state === 'succeeded' ? true : undefined));
  if (first !== undefined) first.state = 'pending';
  const before = await readRefund(api.deps.pool, id);
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting', for: 'provider' });
  expect((await readRefund(api.deps.pool, id))?.updatedAt).toEqual(before?.updatedAt);
  if (first !== undefined) first.state = 'succeeded';
  expect(await carryOn(id)).toMatchObject({ outcome: 'ended', state: 'succeeded' });
  api.provider.setCallbacks({ url: `${api.url}/callbacks/payments`, secret: api.secret, retryMs: 100 });
});

test('a refund that fails after it had succeeded is taken back: ledger, payment and order', async () => {
  const { body: paid } = await api.payByCard('tok_refund_fails_late', '10000');
  const before = await pending();
  const { body } = await refund(paid.id, '10000');
  const failed = await untilRefund(api, paid.id, body.id, 'failed');
  expect(failed).toMatchObject({ failureCode: 'account_closed', refundedAmount: '0', feeReturned: null });
  expect(await told('refund.succeeded', body.id)).toHaveLength(1);
  expect(await told('refund.failed', body.id)).toHaveLength(1);
  expect(await pending()).toBe(before);
  expect(await payment(paid.id)).toMatchObject({ refundedAmount: '0' });
  expect(await orderState(paid.orderId)).toBe('paid');
  const { body: ledger } = await api.call('GET', '/v1/ledger/transactions?limit=20');
  const kinds = ledger.data.filter(({ reference }: { reference: string }) => reference === body.id);
  expect(kinds.map(({ type }: { type: string }) => type)).toEqual(['refund_reversal', 'refund']);
  expect(kinds[0].reversesId).toBe(kinds[1].id);
});

test('a report that comes again, or too late, changes nothing; one that contradicts is put before a person', async () => {
  const { body: paid } = await api.payByCard('tok_ok', '10000');
  const { body } = await refund(paid.id, '3000');
  const [made] = api.chargesOf(paid.id)[0]?.refunds ?? [];
  if (made === undefined) throw new Error('there is no refund at the provider');
  const at = (ms: number) => ({ occurred_at: new Date(Date.now() + ms).toISOString() });
  api.provider.endRefund(made, 'failed', at(0));
  await untilRefund(api, paid.id, body.id, 'failed');
  const late = api.provider.endRefund(made, 'succeeded', at(-60_000));
  const again = api.provider.endRefund(made, 'failed', at(1_000));
  const accepted = (report: string | undefined) =>
    api.provider.callbacks?.sent.some(({ id, status }) => id === report && status === 204);
  await eventually(() => (accepted(late) && accepted(again) ? true : undefined));
  expect((await readRefund(api.deps.pool, body.id))?.state).toBe('failed');
  api.provider.endRefund(made, 'succeeded', at(2_000));
  const contested = await untilRefund(api, paid.id, body.id, 'needs_review');
  expect(contested).toMatchObject({ failureCode: 'refunded_after_all', providerSays: [{ amount: '3000' }] });
});

test('a report with another amount does not take the whole refund back', async () => {
  const { body: paid } = await api.payByCard('tok_ok', '10000');
  const { body } = await refund(paid.id, '3000');
  const [made] = api.chargesOf(paid.id)[0]?.refunds ?? [];
  if (made === undefined) throw new Error('there is no refund at the provider');
  api.provider.endRefund(made, 'failed', { amount: '1000' });
  const contested = await untilRefund(api, paid.id, body.id, 'needs_review');
  expect(contested).toMatchObject({ failureCode: 'amount_mismatch', refundedAmount: '3000' });
  expect((await payment(paid.id)).refundedAmount).toBe('3000');
});

test('a refund is not failed by a refusal once a call was sent that was not answered', async () => {
  const { body: paid } = await api.payByCard('tok_ok', '10000');
  const id = await storeRefund(api, paid.id, 2_000n);
  // A process that died before it could write down what came of its call.
  await api.deps.pool.query('UPDATE refunds SET calls = 1, first_called_at = now() WHERE id = $1', [toUuid(id)]);
  const [charge] = api.chargesOf(paid.id);
  if (charge !== undefined) charge.source = 'tok_refund_refused';
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting', for: 'answer' });
  expect(await carryOn(id, true)).toMatchObject({ outcome: 'ended', state: 'needs_review', code: 'refund_refused' });
  const untouched = await storeRefund(api, paid.id, 2_000n);
  expect(await carryOn(untouched)).toMatchObject({ state: 'failed', code: 'refund_refused' });
});

test('past the time that the provider remembers keys it is only asked, then a person is', async () => {
  const { body: paid } = await api.payByCard('tok_ok', '10000');
  const id = await storeRefund(api, paid.id, 2_000n);
  const set = "UPDATE refunds SET calls = 1, first_called_at = now() - interval '25 hours' WHERE id = $1";
  await api.deps.pool.query(set, [toUuid(id)]);
  const before = refundCalls(api);
  expect(await carryOn(id)).toMatchObject({ outcome: 'waiting' });
  expect(await carryOn(id, true)).toMatchObject({ state: 'needs_review', code: 'key_window_over' });
  expect(refundCalls(api)).toBe(before);
});

test('a run that is reset refunds nothing again, whatever the provider has forgotten', async () => {
  const { body: paid } = await api.payByCard('tok_ok', '10000');
  const { body } = await refund(paid.id, '1000');
  expect(body.state).toBe('succeeded');
  api.provider.forgetKeys();
  await runAgain(body.id);
  const { body: half } = await api.payByCard('tok_refund_half', '10000');
  const flagged = await refund(half.id, '1000');
  await untilRefund(api, half.id, flagged.body.id, 'needs_review');
  api.provider.forgetKeys();
  await runAgain(flagged.body.id);
  expect([paid.id, half.id].map((id) => api.chargesOf(id)[0]?.refunds.length)).toEqual([1, 1]);
});
