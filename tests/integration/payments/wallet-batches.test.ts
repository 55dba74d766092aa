import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { paymentDeps } from '../../../domains/payments/deps';
import { type Acceptor, createAcceptor } from '../../../domains/payments/paying/accept';
import { paymentWorkflowId } from '../../../domains/payments/rules/workflow-names';
import type { Payment } from '../../../domains/payments/store/payments';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
/** Two processes, each with its own batches. */
let acceptors: [Acceptor, Acceptor];

beforeAll(async () => {
  api = await createPaymentApi({ worker: false });
  const deps = paymentDeps(api.pipeline.platform);
  const opened = () => createAcceptor(deps, { claim: randomUUID(), leaseMs: 60_000 });
  acceptors = [opened(), opened()];
});
afterAll(() => api.close());

interface Request {
  orderId: string;
  walletId: string;
  key: string;
}

async function accept(process: 0 | 1, { orderId, walletId, key }: Request): Promise<Payment> {
  const request = {
    tenantId: api.tenantId as PublicId,
    orderId: orderId as PublicId,
    source: { type: 'wallet' as const, walletId: walletId as PublicId },
    requestKey: key,
  };
  const { item } = await acceptors[process].accept(request, () => {
    const id = newId('pay');
    return { id, workflowId: paymentWorkflowId(id) };
  });
  return item;
}

const available = async (walletId: string) =>
  BigInt((await api.call('GET', `/v1/wallets/${walletId}`)).body.available as string);

test('payments from a wallet are accepted and ended in one transaction, a batch at a time', async () => {
  const walletId = await api.newWallet('1000');
  const orders = await Promise.all(Array.from({ length: 20 }, () => api.newOrder('150')));
  const before = await transactionsThatMoved(orders);
  const ended = await Promise.all(orders.map((orderId) => accept(0, { orderId, walletId, key: randomUUID() })));
  expect(ended.filter(({ state }) => state === 'captured')).toHaveLength(6);
  const declined = ended.filter(({ state }) => state === 'declined');
  expect(declined.map(({ declineCode }) => declineCode)).toEqual(Array(14).fill('insufficient_funds'));
  expect(await transactionsThatMoved(orders)).toBeLessThanOrEqual(before + 3);
  expect(await available(walletId)).toBe(100n);
});

/** How many transactions wrote the payments of these orders last. */
async function transactionsThatMoved(orders: readonly string[]): Promise<number> {
  const { rows } = await api.deps.pool.query(
    'SELECT count(DISTINCT xmin::text)::int AS count FROM payments WHERE order_id = ANY ($1)',
    [orders.map((id) => toUuid(id as PublicId))],
  );
  return rows[0].count;
}

test('one that cannot be posted ends alone, and costs the others of its batch nothing', async () => {
  const walletId = await api.newWallet('300');
  const [bad, ...good] = await Promise.all(Array.from({ length: 4 }, () => api.newOrder('100')));
  const order = toUuid(bad as PublicId);
  await api.deps.pool.query(
    `CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$`,
  );
  await api.deps.pool.query(
    `CREATE TRIGGER refuse_one BEFORE UPDATE ON payments FOR EACH ROW
     WHEN (NEW.order_id = '${order}' AND NEW.state = 'captured') EXECUTE FUNCTION refuse_one()`,
  );
  const requests = [bad ?? '', ...good].map((orderId) => ({ orderId, walletId, key: randomUUID() }));
  const ended = await Promise.all(requests.map((request) => accept(0, request)));
  await api.deps.pool.query('DROP TRIGGER refuse_one ON payments');
  await api.deps.pool.query('DROP FUNCTION refuse_one');
  // It is left to its workflow.
  expect(ended.map(({ state }) => state)).toEqual(['pending', 'captured', 'captured', 'captured']);
  expect(await available(walletId)).toBe(0n);
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('pay' as const),
      wallet: fc.nat(2),
      amount: fc.integer({ min: 1, max: 120 }),
      process: fc.constantFrom<0 | 1>(0, 1),
      /** The same request comes again at the same time, to the other process. */
      twice: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('credit' as const),
      wallet: fc.nat(2),
      amount: fc.integer({ min: 1, max: 200 }),
    }),
  },
);

test('whatever is paid and credited at once: no wallet is overdrawn, and each payment is made at most once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const wallets = await Promise.all([100, 200, 300].map((amount) => api.newWallet(String(amount))));
      const credited = [100n, 200n, 300n];
      const spent = [0n, 0n, 0n];
      const orders = await Promise.all(
        steps.map(async ({ what, amount }) => (what === 'pay' ? api.newOrder(String(amount)) : '')),
      );
      const refused = steps.map(async (next, index) => {
        const walletId = wallets[next.wallet] ?? '';
        const amount = BigInt(next.amount);
        if (next.what === 'credit') {
          await api.post(`/v1/wallets/${walletId}/credits`, { amount: String(amount), reason: 'Test' });
          credited[next.wallet] = (credited[next.wallet] ?? 0n) + amount;
          return [];
        }
        const request = { orderId: orders[index] ?? '', walletId, key: randomUUID() };
        const other = next.process === 0 ? 1 : 0;
        const copies = [accept(next.process, request), ...(next.twice ? [accept(other, request)] : [])];
        const [payment, again] = await Promise.all(copies);
        if (again !== undefined) expect(again.id).toBe(payment?.id);
        if (payment?.state === 'captured') {
          spent[next.wallet] = (spent[next.wallet] ?? 0n) + amount;
          return [];
        }
        expect(payment).toMatchObject({ state: 'declined', declineCode: 'insufficient_funds' });
        return [{ wallet: next.wallet, amount }];
      });
      const declined = (await Promise.all(refused)).flat();
      for (const [index, walletId] of wallets.entries()) {
        const left = (credited[index] ?? 0n) - (spent[index] ?? 0n);
        expect(left).toBeGreaterThanOrEqual(0n);
        const { body } = await api.call('GET', `/v1/wallets/${walletId}`);
        expect(body).toMatchObject({ balance: String(left), available: String(left), held: '0' });
        expect(-(await api.balance(ACCOUNTS.wallet(walletId as PublicId)))).toBe(left);
        expect(await api.balance(ACCOUNTS.walletHeld(walletId as PublicId))).toBe(0n);
      }
      // Nobody was turned away who could have paid from the start, had no other payment come before.
      for (const { wallet, amount } of declined) {
        expect(amount + (spent[wallet] ?? 0n)).toBeGreaterThan([100n, 200n, 300n][wallet] ?? 0n);
      }
      expect(await api.trialBalance()).toBe(0n);
    }),
    { numRuns: 12, seed: 20_261_126 },
  );
});
