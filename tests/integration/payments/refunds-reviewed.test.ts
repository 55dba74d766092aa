import { randomUUID } from 'node:crypto';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';
import { untilRefund } from '../../support/refunds';

let api: PaymentApi;
let other: string;
beforeAll(async () => {
  api = await createPaymentApi({
    terms: { disputeFee: 1_500n },
    env: { WAYBILL_PAYMENT_PACE: '0.001', WAYBILL_REVIEW_FOUR_EYES_FROM: '50000' },
  });
  other = await api.newKey(['*']);
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const pending = () => api.balance(ACCOUNTS.merchantPending(api.merchantId));
const provider = () => api.balance(ACCOUNTS.pspClearing);
const losses = () => api.balance(ACCOUNTS.reviewLosses);
const orderState = async (id: string) => (await api.call('GET', `/v1/orders/${id}`)).body.state;
const told = async (type: string, name: 'refundId' | 'chargebackId', id: string) =>
  (await api.events(type)).filter(({ data }) => data[name] === id);
const audit = async (subject: string) =>
  (await api.call('GET', '/api/v2/finance/settlement/audit?limit=100')).body.data.filter(
    (entry: { subject: string }) => entry.subject === subject,
  );

/** A refund of half the payment that the provider made by half. */
async function reviewed(amount = '10000') {
  const { body: payment } = await api.payByCard('tok_refund_half', amount);
  const asked = (BigInt(amount) / 2n).toString();
  const { body } = await api.post(`/v1/payments/${payment.id}/refunds`, { amount: asked });
  await untilRefund(api, payment.id, body.id, 'needs_review');
  const path = `/v1/payments/${payment.id}/refunds/${body.id}`;
  return { payment, id: body.id as string, path };
}

test('a refund is resolved as refunded with the amount that went back', async () => {
  const { payment, id, path } = await reviewed();
  const [owed, held] = [await pending(), await provider()];
  const key = randomUUID();
  const command = { as: 'refunded', amount: '2500', providerReference: 're_77', reason: 'looked at the provider' };
  const answer = await api.post(`${path}/resolve`, command, key);
  expect([answer.status, answer.body]).toEqual([
    200,
    expect.objectContaining({ state: 'succeeded', refundedAmount: '2500', providerReference: 're_77' }),
  ]);
  expect((await api.post(`${path}/resolve`, command, key)).status).toBe(200);
  expect([await pending(), await provider()]).toEqual([owed + 2_500n, held - 2_500n]);
  expect(await orderState(payment.orderId)).toBe('partially_refunded');
  expect(await told('refund.succeeded', 'refundId', id)).toHaveLength(1);
  expect(await audit(id)).toMatchObject([{ action: 'refund.resolve', payload: { command: { amount: '2500' } } }]);
  // What did not go back can be refunded.
  expect((await api.call('GET', `/v1/payments/${payment.id}`)).body.refundedAmount).toBe('2500');
  expect((await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '7501' })).status).toBe(422);
  expect((await api.post(`${path}/resolve`, command)).status).toBe(409);
});

test('a refund is resolved as not refunded: nothing is posted, and its part can be refunded again', async () => {
  const { payment, id, path } = await reviewed();
  const owed = await pending();
  const refused = await api.post(`${path}/resolve`, { as: 'not_refunded', amount: '1', reason: 'x' });
  expect(refused.status).toBe(422);
  const answer = await api.post(`${path}/resolve`, { as: 'not_refunded', reason: 'nothing is there' });
  expect(answer.body).toMatchObject({ state: 'failed', failureCode: 'not_refunded', refundedAmount: '0' });
  expect(await pending()).toBe(owed);
  expect(await told('refund.failed', 'refundId', id)).toHaveLength(1);
  expect((await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '10001' })).status).toBe(422);
  expect((await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '10000' })).status).toBeLessThan(300);
});

test('a refund is written off: the business bears it, the merchant does not, and it is not refunded again', async () => {
  const { payment, id, path } = await reviewed();
  const [owed, lost] = [await pending(), await losses()];
  const answer = await api.post(`${path}/resolve`, { as: 'written_off', amount: '2500', reason: 'too small to chase' });
  expect(answer.body).toMatchObject({ state: 'written_off', writtenOffAmount: '2500', refundedAmount: '0' });
  expect([await pending(), await losses()]).toEqual([owed, lost + 2_500n]);
  expect(await told('refund.written_off', 'refundId', id)).toHaveLength(1);
  expect((await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '5001' })).status).toBe(422);
  // It failed at the provider after all: the loss is taken back.
  const [made] = api.chargesOf(payment.id)[0]?.refunds ?? [];
  if (made !== undefined) api.provider.endRefund(made, 'failed', { amount: '5000' });
  await untilRefund(api, payment.id, id, 'needs_review');
  await api.post(`${path}/resolve`, { as: 'not_refunded', reason: 'it failed' });
  expect([await pending(), await losses()]).toEqual([owed, lost]);
});

test('more than is left of the payment is not taken from the merchant', async () => {
  const { payment, path } = await reviewed();
  await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '4000' });
  const refused = await api.post(`${path}/resolve`, { as: 'refunded', amount: '6001', reason: 'x' });
  expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '#/amount']);
  expect(refused.body.errors[0].detail).toContain('6000');
});

test('a second review is told again, and so is what is decided after it', async () => {
  const { id, path } = await reviewed();
  expect((await api.post(`${path}/resume`)).status).toBe(202);
  await eventually(async () => ((await told('refund.needs_review', 'refundId', id)).length === 2 ? true : undefined));
  expect(await audit(id)).toMatchObject([{ action: 'refund.resumed' }]);
});

test('from a threshold on, another key has to approve', async () => {
  const { payment, id, path } = await reviewed('200000');
  const owed = await pending();
  const command = { as: 'refunded', amount: '50000', reason: 'looked at the provider' };
  const asked = await api.post(`${path}/resolve`, command);
  expect([asked.status, asked.body.state]).toEqual([202, 'waiting']);
  const approval = asked.get('location') ?? '';
  expect((await api.call('GET', approval)).body).toMatchObject({ subject: id, command, decidedBy: null });
  expect((await api.post(`${path}/resolve`, command)).status).toBe(409);
  expect((await api.call('POST', `${approval}/approve`)).status).toBe(409);
  expect(await pending()).toBe(owed);
  const approved = await api.call('POST', `${approval}/approve`, { key: other });
  expect(approved.body).toMatchObject({ state: 'approved', subject: id });
  expect((await api.call('POST', `${approval}/approve`, { key: other })).status).toBe(200);
  expect(await pending()).toBe(owed + 50_000n);
  expect((await api.call('GET', path)).body).toMatchObject({ state: 'succeeded', refundedAmount: '50000' });
  expect((await api.call('POST', `${approval}/reject`, { key: other })).status).toBe(409);
  expect((await audit(id)).map(({ action }: { action: string }) => action).sort()).toEqual([
    'refund.resolve',
    'refund.resolve.requested',
  ]);
  const stranger = await api.newTenant();
  expect((await api.call('POST', `${approval}/approve`, { key: stranger.key })).status).toBe(404);
  expect(payment.id).toBeDefined();
});

test('a command that is rejected, or cannot be carried out any more, changes nothing', async () => {
  const { id, path } = await reviewed('200000');
  const owed = await pending();
  const first = (await api.post(`${path}/resolve`, { as: 'written_off', reason: 'x' })).get('location') ?? '';
  expect((await api.call('POST', `${first}/reject`)).body.state).toBe('rejected');
  const second = (await api.post(`${path}/resolve`, { as: 'refunded', reason: 'x' })).get('location') ?? '';
  // It is resumed meanwhile, and so not in review for a moment.
  await api.deps.pool.query("UPDATE refunds SET state = 'failed' WHERE id = $1", [id.slice(4)]);
  expect((await api.call('POST', `${second}/approve`, { key: other })).status).toBe(409);
  expect((await api.call('GET', second)).body.state).toBe('waiting');
  expect((await api.call('POST', `${second}/reject`, { key: other })).body.state).toBe('rejected');
  expect(await pending()).toBe(owed);
  const { body } = await api.call('GET', '/v1/approvals?state=rejected');
  expect(body.data.map(({ subject }: { subject: string }) => subject)).toEqual([id, id]);
});

test('a review is ended only with a key that may', async () => {
  const { path } = await reviewed();
  const key = await api.newKey(['payments:read', 'payments:write']);
  for (const subject of [path, path.replace(/\/refunds\/.*/, '')]) {
    const answer = await api.call('POST', `${subject}/resolve`, { key, body: { as: 'not_refunded', reason: 'x' } });
    expect([answer.status, answer.body.detail]).toEqual([403, expect.stringContaining('payments:review')]);
  }
});

describe('a chargeback', () => {
  async function opened(amount = '4000') {
    const { body: payment } = await api.payByCard('tok_ok', '10000');
    const [charge] = api.chargesOf(payment.id);
    if (charge === undefined) throw new Error('there is no charge');
    api.provider.chargeback(charge, 'chargeback.opened', amount);
    const found = await eventually(async () => {
      const [one] = (await api.call('GET', `/v1/chargebacks?paymentId=${payment.id}`)).body.data;
      return one === undefined || one.state === 'received' ? undefined : one;
    });
    return { payment, charge, found, path: `/v1/chargebacks/${found.id}/resolve` };
  }

  test('that exceeds its payment is posted with what the bank took', async () => {
    const { found, path } = await opened('10001');
    expect(found).toMatchObject({ state: 'needs_review', reviewCode: 'exceeds_payment' });
    const owed = await pending();
    const answer = await api.post(path, { as: 'posted', amount: '4000', reason: 'the statement says so' });
    expect(answer.body).toMatchObject({ state: 'posted', takenAmount: '4000', fee: '1500' });
    expect(await pending()).toBe(owed + 5_500n);
    expect((await api.post(path, { as: 'posted', amount: '10001', reason: 'x' })).status).toBe(422);
    expect(await audit(found.id)).toMatchObject([{ action: 'chargeback.resolve' }]);
  });

  test('that is wrong is dismissed, which gives back what was taken and frees the payment', async () => {
    const owed = await pending();
    const { payment, found, path } = await opened();
    const paid = (await pending()) - 5_500n - owed;
    const answer = await api.post(path, { as: 'dismissed', reason: 'the provider withdrew it' });
    expect(answer.body).toMatchObject({ state: 'dismissed', takenAmount: '0' });
    expect(await pending()).toBe(owed + paid);
    expect(await told('chargeback.dismissed', 'chargebackId', found.id)).toHaveLength(1);
    expect((await api.post(`/v1/payments/${payment.id}/refunds`)).body).toMatchObject({ amount: '10000' });
  });

  test('is decided, and decided again, and the ledger has what was decided last', async () => {
    const owed = await pending();
    const { found, path } = await opened();
    const paid = (await pending()) - 5_500n - owed;
    const say = (as: string, amount?: string) =>
      api.post(path, { as, ...(amount === undefined ? {} : { amount }), reason: 'x' });
    expect((await say('won', '1000')).body).toMatchObject({ state: 'partly_won', takenAmount: '3000' });
    expect((await say('won')).body).toMatchObject({ state: 'reversed', takenAmount: '0' });
    expect((await say('lost', '2000')).body).toMatchObject({ state: 'lost', takenAmount: '2000' });
    expect(await pending()).toBe(owed + paid + 3_500n);
    expect((await say('posted', '4000')).body).toMatchObject({ state: 'posted', takenAmount: '4000' });
    expect((await say('lost')).body).toMatchObject({ state: 'lost', takenAmount: '4000' });
    expect(await told('chargeback.lost', 'chargebackId', found.id)).toHaveLength(2);
    expect(await pending()).toBe(owed + paid + 5_500n);
  });
});
