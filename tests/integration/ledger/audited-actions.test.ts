import { randomUUID } from 'node:crypto';
import { newId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ worker: false });
});
afterAll(() => api.close());

async function entries(): Promise<{ seq: number; action: string; subject: string; actor: string; payload: object }[]> {
  return (await api.call('GET', '/api/v2/finance/settlement/audit?limit=100')).body.data;
}

/** What `act` added to the log, newest first. */
async function added(act: () => Promise<unknown>) {
  const [last] = await entries();
  await act();
  return (await entries()).filter(({ seq }) => seq > (last?.seq ?? 0));
}

test('a change of cut-off, zone or policy is in the log with what was before; one that changes nothing is not', async () => {
  const patch = (body: object) => api.call('PATCH', '/v1/business', { body });
  const made = await added(() => patch({ cutoff: '22:30', refundFeePolicy: 'prorate' }));
  expect(made).toMatchObject([
    {
      action: 'business.changed',
      subject: api.tenantId,
      actor: expect.stringMatching(/^key_/),
      payload: {
        from: { cutoff: '23:59', refundFeePolicy: 'keep' },
        to: { cutoff: '22:30', refundFeePolicy: 'prorate' },
      },
    },
  ]);
  expect(await added(() => patch({ cutoff: '22:30' }))).toEqual([]);
});

test('fees and what is held back of a merchant are in the log, once however often the request is sent', async () => {
  const key = randomUUID();
  const fees = { currency: 'EUR', bps: 310, fixed: '25', tiers: [{ upTo: null, bps: 200, fixed: '5' }] };
  const made = await added(async () => {
    for (let time = 0; time < 2; time++) expect((await api.post('/v1/fee-schedules', fees, key)).status).toBe(201);
  });
  expect(made).toMatchObject([{ action: 'fees.set', payload: { currency: 'EUR', bps: 310, tiers: fees.tiers } }]);
  const merchant = { name: 'Tea house', reserveBps: 1_000, reserveDays: 7 };
  expect(await added(() => api.post('/v1/merchants', merchant))).toMatchObject([
    { action: 'merchant.registered', subject: expect.stringMatching(/^mer_/), payload: merchant },
  ]);
});

test('money in a wallet comes from somewhere and for a reason, and both are in the log', async () => {
  const wallet = await api.newWallet();
  const credit = (body: object) => api.post(`/v1/wallets/${wallet}/credits`, body);
  const funding = await api.balance(ACCOUNTS.walletFunding);
  const made = await added(async () => {
    expect((await credit({ amount: '700', reason: 'Transfer of 3 May' })).status).toBe(201);
    expect((await credit({ amount: '50', reason: 'Sorry', fundedBy: 'goodwill' })).body).toMatchObject({
      balance: '750',
    });
  });
  expect(made).toMatchObject([
    { subject: wallet, payload: { amount: '50', fundedBy: 'goodwill', reason: 'Sorry' } },
    {
      action: 'wallet.credited',
      subject: wallet,
      payload: { amount: '700', currency: 'EUR', fundedBy: 'received', reason: 'Transfer of 3 May' },
    },
  ]);
  expect((await api.balance(ACCOUNTS.walletFunding)) - funding).toBe(700n);
  expect(await api.balance(ACCOUNTS.walletGoodwill)).toBe(50n);

  const refused = await added(async () => {
    expect((await credit({ amount: '700' })).status).toBe(422);
    expect((await credit({ amount: '700', reason: '' })).status).toBe(422);
    expect((await credit({ amount: '700', reason: 'x', fundedBy: 'nobody' })).status).toBe(422);
  });
  expect(refused).toEqual([]);
});

test('who may pay and refund cannot put money into a wallet', async () => {
  const wallet = await api.newWallet();
  const path = `/v1/wallets/${wallet}/credits`;
  const headers = { 'idempotency-key': randomUUID() };
  const body = { amount: '700', reason: 'Transfer of 3 May' };
  const key = await api.newKey(['payments:read', 'payments:write', 'finance:settle']);
  expect((await api.call('POST', path, { key, headers, body })).status).toBe(403);
  const creditor = await api.newKey(['wallets:credit']);
  expect((await api.call('POST', path, { key: creditor, headers, body })).status).toBe(201);
});

test('who has a payment go on that needed review is in the log', async () => {
  const id = newId('pay');
  await api.deps.pool.query(
    `INSERT INTO payments (id, tenant_id, order_id, merchant_id, amount, currency, card_token, state, decline_code, workflow_id)
     SELECT $1, tenant_id, id, merchant_id, amount, currency, 'tok', 'needs_review', 'unreachable', 'payment/' || $2::text
     FROM orders WHERE id = $3`,
    [toUuid(id), id, toUuid(await api.newOrder())],
  );
  const made = await added(async () => expect((await api.post(`/v1/payments/${id}/resume`)).status).toBe(202));
  expect(made).toMatchObject([{ action: 'payment.resumed', subject: id, payload: { code: 'unreachable' } }]);
});

test('the log of all this is whole', async () => {
  const { body } = await api.call('GET', '/api/v2/finance/settlement/audit/verify');
  expect(body).toMatchObject({ verified: true, brokenAt: null, next: null });
  expect(body.entries).toBeGreaterThan(4);
});
