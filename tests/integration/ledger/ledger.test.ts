import { randomUUID } from 'node:crypto';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi();
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const REASON = { reason: 'Entered twice' };
const reverse = (id: string, key?: string) => api.post(`/v1/ledger/transactions/${id}/reverse`, REASON, key);
const newest = async () => (await api.call('GET', '/v1/ledger/transactions?limit=1')).body.data[0];

async function adjust(amount: string): Promise<string> {
  const { body } = await api.post(`/v1/merchants/${api.merchantId}/adjustments`, {
    amount,
    currency: 'EUR',
    reason: 'Goodwill',
  });
  return body.transactionId;
}

test('a sale is listed with entries that add up to 0, its fee and where it came from', async () => {
  const wallet = await api.newWallet('1000');
  const source = { type: 'wallet', walletId: wallet };
  const payment = await api.post('/v1/payments', { orderId: await api.newOrder('600'), source });
  const listed = await newest();
  expect(listed).toMatchObject({
    type: 'capture',
    reference: payment.body.id,
    merchantId: api.merchantId,
    currency: 'EUR',
    settlement: { gross: '600', fee: payment.body.fee, runId: null, late: false },
    reversesId: null,
    reversedById: null,
  });
  expect(listed.entries.reduce((sum: bigint, { amount }: { amount: string }) => sum + BigInt(amount), 0n)).toBe(0n);
  expect(listed.entries).toContainEqual({ account: ACCOUNTS.walletHeld(wallet), amount: '600' });
  expect((await api.call('GET', `/v1/ledger/transactions/${listed.id}`)).body).toEqual(listed);
});

test('an adjustment is taken back once, by its opposite, with its reason in the audit log', async () => {
  const before = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
  const id = await adjust('-500');
  const key = randomUUID();
  const [first, again] = [await reverse(id, key), await reverse(id, key)];
  expect(first.status).toBe(201);
  expect(first.body).toMatchObject({ type: 'adjustment', reversesId: id, settlement: { gross: '500' } });
  expect(again.body).toEqual(first.body);
  expect(first.get('location')).toBe(`/v1/ledger/transactions/${first.body.id}`);
  expect((await api.call('GET', `/v1/ledger/transactions/${id}`)).body.reversedById).toBe(first.body.id);
  expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(before);
  expect(await reverse(id)).toMatchObject({ status: 409, body: { detail: expect.stringContaining(first.body.id) } });
  expect(await reverse(first.body.id)).toMatchObject({ status: 409 });
  const { body: audit } = await api.call('GET', '/api/v2/finance/settlement/audit?limit=1&order=desc');
  expect(audit.data[0]).toMatchObject({ action: 'ledger.reversed', subject: id, payload: REASON });
});

test('ten who take the same transaction back at once post one reversal', async () => {
  const before = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
  const id = await adjust('70');
  const answers = await Promise.all(Array.from({ length: 10 }, () => reverse(id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(before);
});

test('a wallet credit is taken back only while the money is there', async () => {
  const wallet = await api.newWallet('1000');
  const { id } = await newest();
  const source = { type: 'wallet', walletId: wallet };
  await api.post('/v1/payments', { orderId: await api.newOrder('1'), source });
  expect(await reverse(id)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('less') } });
  await api.post(`/v1/wallets/${wallet}/credits`, { amount: '1', reason: 'Test' });
  expect((await reverse(id)).body).toMatchObject({ type: 'wallet_credit_reversal', settlement: null });
  expect((await api.call('GET', `/v1/wallets/${wallet}`)).body.available).toBe('0');
});

test('payments are not taken back by hand, and others have no such transaction', async () => {
  const wallet = await api.newWallet('1000');
  const source = { type: 'wallet', walletId: wallet };
  await api.post('/v1/payments', { orderId: await api.newOrder('600'), source });
  const sale = await newest();
  expect(await reverse(sale.id)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('refund') } });
  const stranger = await api.newTenant();
  const path = `/v1/ledger/transactions/${sale.id}`;
  expect((await api.call('GET', path, { key: stranger.key })).status).toBe(404);
  expect((await api.call('POST', `${path}/reverse`, { key: stranger.key, body: REASON })).status).toBe(404);
});
