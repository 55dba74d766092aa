import { randomUUID } from 'node:crypto';
import { toUuid } from '../../../core/ids';
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

const read = async (id: string) => (await api.call('GET', `/v1/wallets/${id}`)).body;
const pay = async (walletId: string, amount: string) =>
  api.post('/v1/payments', { orderId: await api.newOrder(amount), source: { type: 'wallet', walletId } });

test('a wallet holds what was put into it, and a repeated credit counts once', async () => {
  const id = await api.newWallet();
  expect(await read(id)).toMatchObject({ balance: '0', held: '0', available: '0' });
  const key = randomUUID();
  for (let time = 0; time < 2; time++) {
    const answer = await api.post(`/v1/wallets/${id}/credits`, { amount: '700', reason: 'Transfer of 3 May' }, key);
    expect([answer.status, answer.body.balance]).toEqual([201, '700']);
  }
  expect(await read(id)).toMatchObject({ balance: '700', available: '700' });
  const { body } = await api.call('GET', '/v1/wallets');
  expect(body.data.find((wallet: { id: string }) => wallet.id === id).available).toBe('700');
});

test('a payment takes its amount out of the wallet, and a refund puts it back', async () => {
  const id = await api.newWallet('1000');
  const before = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
  const payment = await pay(id, '600');
  expect(payment.body).toMatchObject({ state: 'captured', source: { type: 'wallet', walletId: id }, fee: '47' });
  expect(await read(id)).toMatchObject({ balance: '400', held: '0', available: '400' });
  expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(before - 553n);
  const refund = await api.post(`/v1/payments/${payment.body.id}/refunds`, { amount: '100' });
  expect(refund.body.state).toBe('succeeded');
  expect(await read(id)).toMatchObject({ balance: '500', available: '500' });
});

test('a wallet with too little is declined, and keeps what it has', async () => {
  const id = await api.newWallet('99');
  const payment = await pay(id, '100');
  expect(payment.body).toMatchObject({ state: 'declined', declineCode: 'insufficient_funds' });
  expect(await read(id)).toMatchObject({ balance: '99', held: '0' });
});

test('twenty payments at the same time never take more than there is', async () => {
  const id = await api.newWallet('1000');
  const answers = await Promise.all(Array.from({ length: 20 }, () => pay(id, '150')));
  const states = answers.map(({ body }) => body.state).sort();
  expect(states).toEqual([...Array(6).fill('captured'), ...Array(14).fill('declined')]);
  expect(await read(id)).toMatchObject({ balance: '100', held: '0', available: '100' });
});

test('a wallet of another currency is refused before anything happens', async () => {
  const { body: wallet } = await api.post('/v1/wallets', { owner: 'customer', currency: 'USD' });
  const answer = await pay(wallet.id, '100');
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toMatchObject([{ pointer: '#/source/walletId' }]);
});

test('a hold that cannot be captured is released', async () => {
  const id = await api.newWallet('1000');
  const orderId = await api.newOrder('300');
  // Somebody has posted this payment's capture with other entries: the ledger refuses it permanently.
  await api.deps.pool.query(
    `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       WITH posted AS (
         INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, effective_at)
         VALUES (NEW.id, NEW.tenant_id, 'capture', 'pay_' || replace(NEW.id::text, '-', ''), now())
       )
       INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
       SELECT NEW.id, id, 'EUR', 3 - 2 * row_number() OVER () FROM
         (SELECT id FROM ledger_accounts WHERE tenant_id = NEW.tenant_id AND currency = 'EUR' LIMIT 2) AS two;
       RETURN NULL; END $$`,
  );
  await api.deps.pool.query(
    `CREATE TRIGGER spoil AFTER INSERT ON payments FOR EACH ROW
     WHEN (NEW.order_id = '${toUuid(orderId)}') EXECUTE FUNCTION spoil()`,
  );
  const answer = await api.post(`/v1/orders/${orderId}/pay`, { source: { type: 'wallet', walletId: id } });
  await api.deps.pool.query('DROP TRIGGER spoil ON payments');
  await api.deps.pool.query('DROP FUNCTION spoil');
  expect(answer.body).toMatchObject({ state: 'failed', declineCode: 'posting_refused' });
  expect(await read(id)).toMatchObject({ balance: '1000', held: '0', available: '1000' });
  expect((await api.call('GET', `/v1/orders/${orderId}`)).body.state).toBe('created');
});
