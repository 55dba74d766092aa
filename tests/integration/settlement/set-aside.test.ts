import { type PublicId, toUuid } from '../../../core/ids';
import { MAX_AMOUNT, MAX_SINGLE_AMOUNT } from '../../../core/money';
import { adjustmentPosting } from '../../../domains/ledger/rules/postings';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { addDays, lastClosedDate } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import { settlementDeps } from '../../../domains/settlement/deps';
import { watchSettlements } from '../../../domains/settlement/watchdog';
import type { Queryable } from '../../../infra/postgres/pool';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { balances, during, happen } from '../../support/settlement';

const BASE = '/api/v2/finance/settlement';
const last = lastClosedDate(new Date(), { timeZone: 'UTC', cutoff: '23:59' });

let api: TestApi;
let receiver: TestReceiver;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});

interface Shop {
  tenantId: PublicId;
  key: string;
  schedule: FeeSchedule;
  /** Two merchants. */
  tea: PublicId;
  cake: PublicId;
}

async function shop(firstDate: string): Promise<Shop> {
  const { pool } = api.pipeline.database;
  const { tenantId, key } = await api.newTenant();
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate });
  const schedule = await insertFeeSchedule(pool, tenantId, { bps: 0, fixed: 0n });
  const [tea, cake] = [await insertMerchant(pool, tenantId), await insertMerchant(pool, tenantId)];
  return { tenantId, key, schedule, tea: tea.id, cake: cake.id };
}

const sell = ({ tenantId, schedule }: Shop, merchantId: PublicId, amount: bigint, at: Date) =>
  happen(api.pipeline.database.pool, tenantId, schedule, { kind: 'capture', amount, merchantId, currency: 'EUR', at });

const post = ({ key }: Shop, path: string, body?: unknown) =>
  api.call('POST', path, { key, body, headers: { 'idempotency-key': crypto.randomUUID() } });
const get = ({ key }: Shop, path: string) => api.call('GET', `${BASE}${path}`, { key });

async function until(of: Shop, date: string, status: string) {
  return eventually(
    async () => {
      const { body } = await get(of, `/${date}`);
      return body.status === status ? body : undefined;
    },
    30_000,
    () => `${date} is not ${status}`,
  );
}

async function settle(of: Shop, date: string) {
  expect((await post(of, `${BASE}/trigger/${date}`)).status).toBe(202);
  return until(of, date, 'completed');
}

const statementsOf = async (of: Shop, date: string, merchantId: PublicId) =>
  (await get(of, `/${date}/merchants/${merchantId}`)).body.data;

/** As versions did that knew no bounds. */
async function unguarded<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
  const client = await api.pipeline.database.pool.connect();
  try {
    await client.query('SET session_replication_role = replica');
    return await work(client);
  } finally {
    await client.query('SET session_replication_role = origin');
    client.release();
  }
}

function adjust(db: Queryable, { tenantId }: Shop, merchantId: PublicId, adjustment: { amount: bigint; at: Date }) {
  return postTransaction(db, {
    tenantId,
    kind: 'adjustment',
    externalRef: crypto.randomUUID(),
    currency: 'EUR',
    posting: adjustmentPosting(merchantId, adjustment.amount),
    merchantId,
    effectiveAt: adjustment.at,
  });
}

test('a merchant whose sums do not fit into a statement is set aside, the others are settled, and it comes back', async () => {
  const [first, second] = [addDays(last, -2), addDays(last, -1)];
  const of = await shop(first);
  const { pool } = api.pipeline.database;
  await api.call('POST', '/v1/endpoints', {
    key: of.key,
    body: { url: `${receiver.url}/aside`, eventTypes: ['settlement.merchant_set_aside', 'settlement.completed'] },
  });
  const { id } = await unguarded((db) => adjust(db, of, of.tea, { amount: MAX_AMOUNT, at: during(first, 1) }));
  await sell(of, of.tea, 500n, during(first, 2));
  await sell(of, of.cake, 700n, during(first, 2));
  const day = await settle(of, first);
  expect(day).toMatchObject({
    transactions: '1',
    setAsideCount: 1,
    setAside: [{ merchantId: of.tea, reason: 'out_of_range', detail: expect.stringContaining('10^18') }],
    totals: [{ merchants: '1', grossSales: '700', paidOut: '700' }],
  });
  expect(await statementsOf(of, first, of.tea)).toEqual([]);
  const told = await eventually(() =>
    receiver.received.map(({ body }) => JSON.parse(body)).find(({ type }) => type === 'settlement.merchant_set_aside'),
  );
  expect(told.data).toMatchObject({ merchantId: of.tea, date: first, reason: 'out_of_range' });
  const deps = settlementDeps(api.pipeline.platform);
  await watchSettlements(deps);
  expect((await deps.metrics.setAside.get()).values[0]?.value).toBe(1);
  expect((await get(of, '/set-aside')).body.data).toMatchObject([{ merchantId: of.tea }]);

  // It stays aside, also when there is nothing wrong with it any more, until somebody looked.
  const reversed = await post(of, `/v1/ledger/transactions/${id}/reverse`, { reason: 'a slip' });
  expect(reversed.status).toBe(201);
  await sell(of, of.tea, 11n, during(second, 2));
  await sell(of, of.cake, 7n, during(second, 2));
  expect(await settle(of, second)).toMatchObject({ transactions: '1', setAsideCount: 1 });

  const back = (merchantId: PublicId) => post(of, `${BASE}/merchants/${merchantId}/bring-back`, { reason: 'reversed' });
  expect((await back(of.tea)).status).toBe(204);
  expect((await back(of.tea)).status).toBe(409);
  expect((await back(of.cake)).status).toBe(409);
  await unguarded((db) =>
    // The reversal happened today, which is not over.
    db.query({
      text: 'UPDATE settlement_items SET effective_at = $2 WHERE tenant_id = $1 AND run_id IS NULL AND effective_at > $2',
      values: [toUuid(of.tenantId), during(last, 3)],
    }),
  );
  expect(await settle(of, last)).toMatchObject({ transactions: '4', late: '3', setAsideCount: 0, setAside: [] });
  expect(await statementsOf(of, last, of.tea)).toMatchObject([
    { grossSales: '511', adjustments: '0', net: '511', paidOut: '511', closing: '0', transactions: '4' },
  ]);
  const ledger = await balances(pool, of.tenantId);
  expect(ledger['bank_in_transit EUR']).toBe(-1_218n);
  expect((await get(of, '/audit/verify')).body).toMatchObject({ verified: true });
  const actions = (await get(of, '/audit')).body.data.map(({ action }: { action: string }) => action);
  expect(actions).toEqual(
    expect.arrayContaining(['settlement.merchant_set_aside', 'settlement.merchant_brought_back']),
  );
});

test('many amounts that are allowed can be too much for a statement: the balance is carried over, and grows no further', async () => {
  const first = addDays(last, -1);
  const of = await shop(first);
  const { pool } = api.pipeline.database;
  await adjust(pool, of, of.tea, { amount: -800n, at: during(first, 1) });
  await settle(of, first);
  for (let n = 0; n < 110; n++) await adjust(pool, of, of.tea, { amount: 10n ** 16n, at: during(last, 1) });
  await sell(of, of.cake, 5n, during(last, 1));
  expect(await settle(of, last)).toMatchObject({ transactions: '1', setAsideCount: 1 });
  expect(await statementsOf(of, last, of.tea)).toMatchObject([
    { opening: '-800', net: '0', paidOut: '0', closing: '-800', transactions: '0' },
  ]);
  expect(await statementsOf(of, last, of.cake)).toMatchObject([{ paidOut: '5' }]);
});

test.each(['settlement_records', 'settlement_reserves'])(
  'a merchant whose rows the database refuses in %s is set aside with what it says',
  async (table) => {
    const of = await shop(last);
    const { pool } = api.pipeline.database;
    await pool.query('UPDATE merchants SET reserve_bps = 1000, reserve_days = 1 WHERE tenant_id = $1', [
      toUuid(of.tenantId),
    ]);
    await sell(of, of.tea, 100n, during(last, 1));
    await sell(of, of.cake, 300n, during(last, 1));
    await pool.query(`CREATE FUNCTION no_tea() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.merchant_id = '${toUuid(of.tea)}' AND to_jsonb(NEW)->>'gross_sales' IS DISTINCT FROM '0' THEN
          RAISE EXCEPTION 'no tea' USING ERRCODE = 'numeric_value_out_of_range';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER no_tea BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION no_tea()`);
    try {
      expect(await settle(of, last)).toMatchObject({
        transactions: '1',
        setAside: [{ merchantId: of.tea, reason: 'refused_by_database', detail: 'no tea' }],
        totals: [{ grossSales: '300', paidOut: '270' }],
      });
    } finally {
      await pool.query('DROP FUNCTION no_tea CASCADE');
    }
    const { rows } = await pool.query('SELECT run_id, late FROM settlement_items WHERE merchant_id = $1', [
      toUuid(of.tea),
    ]);
    expect(rows).toEqual([{ run_id: null, late: false }]);
    expect((await balances(pool, of.tenantId))['bank_in_transit EUR']).toBe(-270n);
  },
);

test('a day that needs a review for one merchant is completed for the others when that one is set aside', async () => {
  const of = await shop(last);
  await sell(of, of.tea, 100n, during(last, 1));
  await sell(of, of.cake, 300n, during(last, 1));
  await unguarded((db) =>
    db.query({
      text: 'UPDATE settlement_items SET gross = gross + 1, net = net + 1 WHERE merchant_id = $1',
      values: [toUuid(of.tea)],
    }),
  );
  await post(of, `${BASE}/trigger/${last}`);
  await until(of, last, 'needs_review');
  const aside = `${BASE}/merchants/${of.tea}/set-aside`;
  expect((await post(of, aside, {})).status).toBe(422);
  expect((await post(of, aside, { reason: 'looked into' })).status).toBe(204);
  expect((await post(of, aside, { reason: 'looked into' })).status).toBe(409);
  expect((await post(of, `${BASE}/retry/${last}`)).status).toBe(202);
  expect(await until(of, last, 'completed')).toMatchObject({
    transactions: '1',
    setAside: [{ merchantId: of.tea, reason: 'by_hand', detail: 'looked into' }],
    totals: [{ paidOut: '300' }],
  });
  const other = await shop(last);
  expect((await post(other, aside, { reason: 'not mine' })).status).toBe(404);
  expect((await post(other, `${BASE}/merchants/${of.tea}/bring-back`, { reason: 'not mine' })).status).toBe(404);
});

test('an item of a merchant that is not set aside stays in its run', async () => {
  const of = await shop(last);
  await sell(of, of.cake, 300n, during(last, 1));
  await settle(of, last);
  const { pool } = api.pipeline.database;
  const release = 'UPDATE settlement_items SET run_id = NULL WHERE tenant_id = $1';
  await expect(pool.query(release, [toUuid(of.tenantId)])).rejects.toThrow(/never change/);
});

test('a single amount has bounds at the door and in the database; what is older can be taken back', async () => {
  const of = await shop(last);
  const { pool } = api.pipeline.database;
  const path = `/v1/merchants/${of.tea}/adjustments`;
  const most = String(MAX_SINGLE_AMOUNT);
  for (const amount of [`${MAX_SINGLE_AMOUNT + 1n}`, `-${MAX_SINGLE_AMOUNT + 1n}`, '9223372036854775807']) {
    const answer = await post(of, path, { amount, currency: 'EUR', reason: 'a slip' });
    expect([answer.status, JSON.stringify(answer.body.errors)]).toEqual([422, expect.stringContaining(most)]);
  }
  expect((await post(of, path, { amount: most, currency: 'EUR', reason: 'sold the house' })).status).toBe(201);
  const merchant = { name: 'Tea house', payoutMinimum: [{ amount: `${MAX_SINGLE_AMOUNT + 1n}`, currency: 'EUR' }] };
  expect((await post(of, '/v1/merchants', merchant)).status).toBe(422);

  const tooMuch = { amount: 10n ** 16n + 1n, at: during(last, 1) };
  await expect(adjust(pool, of, of.tea, tooMuch)).rejects.toThrow(/out of bounds/);
  await expect(adjust(pool, of, of.tea, { ...tooMuch, amount: -tooMuch.amount })).rejects.toThrow(/out of bounds/);
  for (const table of ['orders', 'payments', 'refunds', 'merchants', 'fee_schedules', 'merchant_payout_minimums']) {
    const { rows } = await pool.query<{ check: string }>(
      "SELECT pg_get_constraintdef(oid) AS check FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'",
      [table],
    );
    expect([table, rows.map(({ check }) => check).join()]).toEqual([table, expect.stringContaining(most)]);
  }
});

test('the smallest payout is an amount of a currency; one without a currency, of before, is for all others', async () => {
  const of = await shop(last);
  const { pool } = api.pipeline.database;
  const twice = [
    { amount: '5', currency: 'EUR' },
    { amount: '6', currency: 'EUR' },
  ];
  for (const payoutMinimum of ['1000', { amount: '5' }, [{ amount: '5' }], [{ amount: '0', currency: 'EUR' }], twice]) {
    expect((await post(of, '/v1/merchants', { name: 'Tea house', payoutMinimum })).status).toBe(422);
  }
  const payoutMinimum = [
    { amount: '1000', currency: 'EUR' },
    { amount: '20000', currency: 'JPY' },
  ];
  const { body: made } = await post(of, '/v1/merchants', { name: 'Tea house', payoutMinimum });
  expect(made.payoutMinimum).toEqual(payoutMinimum);
  expect((await post(of, '/v1/merchants', { name: 'Plain' })).body.payoutMinimum).toEqual([]);

  await pool.query('UPDATE merchants SET payout_minimum = 50 WHERE id = ANY ($1::uuid[])', [
    [toUuid(made.id), toUuid(of.cake)],
  ]);
  const { body: older } = await api.call('GET', `/v1/merchants/${of.cake}`, { key: of.key });
  expect(older.payoutMinimum).toEqual([{ amount: '50', currency: null }]);
  for (const merchantId of [made.id as PublicId, of.cake]) {
    for (const currency of ['EUR', 'JPY', 'USD']) {
      await happen(pool, of.tenantId, of.schedule, {
        kind: 'adjustment',
        amount: 1_000n,
        merchantId,
        currency,
        at: during(last, 1),
      });
    }
  }
  await settle(of, last);
  const paid = async (merchantId: PublicId) =>
    (await statementsOf(of, last, merchantId)).map(({ currency, paidOut }: Record<string, string>) => [
      currency,
      paidOut,
    ]);
  expect(await paid(made.id)).toEqual([
    ['EUR', '1000'],
    ['JPY', '0'],
    ['USD', '1000'],
  ]);
  expect(await paid(of.cake)).toEqual([
    ['EUR', '1000'],
    ['JPY', '1000'],
    ['USD', '1000'],
  ]);
});
