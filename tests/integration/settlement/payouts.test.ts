import { newId, type PublicId, toUuid } from '../../../core/ids';
import { addDays } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import { settlementDeps } from '../../../domains/settlement';
import { watchPayouts } from '../../../domains/settlement/payout-watch';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { balances, createSteps, during, happen } from '../../support/settlement';

const FIRST = '2026-03-01';
const SECOND = addDays(FIRST, 1);
const BASE = '/api/v2/finance/settlement';
const DAY_MS = 86_400_000;

let api: TestApi;
let steps: ReturnType<typeof createSteps>;
beforeAll(async () => {
  api = await createApi();
  steps = createSteps(api.pipeline);
});
afterAll(() => api.close());

interface Shop {
  tenantId: PublicId;
  key: string;
  merchants: PublicId[];
  schedule: FeeSchedule;
}

async function newShop(merchants = 1): Promise<Shop> {
  const { pool } = api.deps;
  const tenant = await api.newTenant();
  await insertBusiness(pool, tenant.tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenant.tenantId);
  const made: PublicId[] = [];
  for (let n = 0; n < merchants; n++) made.push((await insertMerchant(pool, tenant.tenantId)).id);
  return { ...tenant, merchants: made, schedule };
}

async function sellAndSettle(shop: Shop, date: string): Promise<void> {
  for (const merchantId of shop.merchants) {
    const sale = { kind: 'capture', amount: 10_000n, merchantId, currency: 'EUR', at: during(date, 1) } as const;
    await happen(api.deps.pool, shop.tenantId, shop.schedule, { ...sale, ref: newId('pay') });
  }
  await steps.settle(shop.tenantId, date);
}

const payoutsOf = async (shop: Shop, query = '') =>
  (await api.call('GET', `${BASE}/payouts${query}`, { key: shop.key })).body.data;

interface BankLine {
  reference: string;
  amount: string;
  direction: 'CRDT' | 'DBIT';
}

const bankFile = (...lines: BankLine[]) =>
  '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>' +
  lines
    .map(
      ({ reference, amount, direction }) =>
        `<Ntry><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>${direction}</CdtDbtInd><Sts>BOOK</Sts><NtryDtls><TxDtls>` +
        `<Refs><EndToEndId>${reference}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>`,
    )
    .join('') +
  '</Stmt></BkToCstmrStmt></Document>';

const out = (reference: string, amount = '96.80'): BankLine => ({ reference, amount, direction: 'DBIT' });
const back = (reference: string, amount = '96.80'): BankLine => ({ reference, amount, direction: 'CRDT' });
const compact = (id: string) => id.replace('_', '');

async function send(shop: Shop, date: string, ...lines: BankLine[]) {
  const path = `${BASE}/${date}/reconciliation`;
  const headers = { 'content-type': 'application/xml' };
  const answer = await api.call('POST', path, { key: shop.key, body: bankFile(...lines), headers });
  expect(answer.status).toBe(201);
  return answer.body;
}

const accounts = (shop: Shop) => balances(api.deps.pool, shop.tenantId);

async function ledgerAddsUp(shop: Shop): Promise<void> {
  const sum = Object.values(await accounts(shop)).reduce((total, one) => total + one, 0n);
  expect(sum).toBe(0n);
}

const eventsOf = async (shop: Shop, type: string) =>
  (
    await api.deps.pool.query<{ payload: string }>(
      'SELECT body AS payload FROM messages WHERE tenant_id = $1 AND event_type = $2',
      [toUuid(shop.tenantId), type],
    )
  ).rows.map(({ payload }) => JSON.parse(payload).data);

test("a payout is in transit until the bank's line clears it, once", async () => {
  const shop = await newShop();
  await sellAndSettle(shop, FIRST);
  const [payout] = await payoutsOf(shop);
  expect(payout).toMatchObject({ state: 'in_transit', amount: '9680', date: FIRST, merchantId: shop.merchants[0] });
  expect(await accounts(shop)).toMatchObject({ 'bank_in_transit EUR': -9_680n });

  for (let n = 0; n < 2; n++) {
    const found = await send(shop, FIRST, out(compact(payout.id)));
    // The sale is not in the bank's file.
    expect(found.counts).toMatchObject({ matched: 1, missing_external: 1, duplicate: 0 });
    const now = await accounts(shop);
    expect([now['bank_in_transit EUR'], now['bank EUR']]).toEqual([0n, -9_680n]);
  }
  expect(await payoutsOf(shop, '?state=in_transit')).toEqual([]);
  const { body } = await api.call('GET', `${BASE}/payouts/${payout.id}`, { key: shop.key });
  expect(body).toMatchObject({ id: payout.id, state: 'paid', paidAt: expect.any(String), returnedAt: null });
  await ledgerAddsUp(shop);

  await sellAndSettle(shop, SECOND);
  expect((await send(shop, SECOND, out(compact(payout.id)))).counts).toMatchObject({ matched: 0, duplicate: 1 });
  expect(await accounts(shop)).toMatchObject({ 'bank EUR': -9_680n });
});

test("a payout of an earlier day is cleared by a later day's file, in upper case and in a batch", async () => {
  const shop = await newShop(3);
  await sellAndSettle(shop, FIRST);
  const payouts: { id: string }[] = await payoutsOf(shop);
  await steps.settle(shop.tenantId, SECOND);
  const found = await send(shop, SECOND, ...payouts.map(({ id }) => out(compact(id).toUpperCase())));
  expect(found.counts).toMatchObject({ matched: 3 });
  expect(await accounts(shop)).toMatchObject({ 'bank_in_transit EUR': 0n, 'bank EUR': -29_040n });
});

test('a returned payout is owed again, in the next statement, and paid out again', async () => {
  const shop = await newShop();
  await sellAndSettle(shop, FIRST);
  const [payout] = await payoutsOf(shop);
  const name = compact(payout.id);
  await send(shop, FIRST, out(name), back(name));
  expect(await payoutsOf(shop, '?state=returned')).toMatchObject([{ id: payout.id }]);
  const now = await accounts(shop);
  expect([now['bank_in_transit EUR'], now['bank EUR']]).toEqual([0n, 0n]);
  expect(now[`merchant_pending:${shop.merchants[0]} EUR`]).toBe(-9_680n);
  await send(shop, FIRST, out(name), back(name));
  expect(await accounts(shop)).toEqual(now);
  expect(await eventsOf(shop, 'settlement.payout_returned')).toEqual([
    { payoutId: payout.id, merchantId: shop.merchants[0], currency: 'EUR', amount: '9680', date: FIRST },
  ]);

  // As if it had come back on the second day.
  const { pool } = api.deps;
  await pool.query('ALTER TABLE settlement_items DISABLE TRIGGER immutable');
  await pool.query('UPDATE settlement_items SET effective_at = $2 WHERE tenant_id = $1 AND run_id IS NULL', [
    toUuid(shop.tenantId),
    during(SECOND, 1),
  ]);
  await pool.query('ALTER TABLE settlement_items ENABLE TRIGGER immutable');
  await steps.settle(shop.tenantId, SECOND);
  const { body } = await api.call('GET', `${BASE}/${SECOND}/merchants/${shop.merchants[0]}`, { key: shop.key });
  expect(body.data).toMatchObject([{ opening: '0', adjustments: '9680', net: '9680', paidOut: '9680', closing: '0' }]);
  expect(await payoutsOf(shop, '?state=in_transit')).toMatchObject([{ date: SECOND, amount: '9680' }]);
  await ledgerAddsUp(shop);
});

test.each([
  ['digits alone', (id: string) => id.replace(/\D/g, ''), '96.80'],
  ['another amount', compact, '96.70'],
])('%s move no money', async (_name, change, amount) => {
  const shop = await newShop();
  await sellAndSettle(shop, FIRST);
  const [payout] = await payoutsOf(shop);
  await send(shop, FIRST, out(change(payout.id), amount));
  expect(await payoutsOf(shop)).toMatchObject([{ state: 'in_transit' }]);
  expect(await accounts(shop)).toMatchObject({ 'bank_in_transit EUR': -9_680n });
});

test("the exports name a payout as the bank's file should", async () => {
  const shop = await newShop();
  await sellAndSettle(shop, FIRST);
  const [payout] = await payoutsOf(shop);
  const exported = async (format: string) =>
    (await api.call('GET', `${BASE}/${FIRST}/export?format=${format}`, { key: shop.key })).text;
  expect(await exported('csv')).toContain(`,${compact(payout.id)}\r\n`);
  expect(await exported('camt053')).toContain(`<EndToEndId>${compact(payout.id)}</EndToEndId>`);
  expect(JSON.parse(await exported('json')).statements).toMatchObject([{ payoutReference: compact(payout.id) }]);
});

test('payouts that stay in transit raise an alarm once a day of theirs, until the bank has them', async () => {
  const shop = await newShop();
  const deps = settlementDeps(api.pipeline.platform);
  const gauges = async () => [
    (await deps.metrics.payoutsOverdue.get()).values[0]?.value,
    (await deps.metrics.oldestPayout.get()).values[0]?.value,
  ];
  const end = during(SECOND, 0).getTime();
  // Before everything that other tests have in transit.
  const others = await watchPayouts(deps, new Date(end + 8 * DAY_MS));
  await sellAndSettle(shop, FIRST);
  const late = new Date(end + 8 * DAY_MS);
  expect(await watchPayouts(deps, new Date(end + 6 * DAY_MS))).toBe(0);
  expect(await gauges()).toEqual([0, 0]);
  expect(await watchPayouts(deps, late)).toBe(others + 1);
  expect(await watchPayouts(deps, late)).toBe(others + 1);
  expect(await gauges()).toEqual([others + 1, 8 * 86_400]);
  const told = { oldestDate: FIRST, newestDate: FIRST, inTransitSince: new Date(end).toISOString() };
  expect(await eventsOf(shop, 'settlement.payouts_overdue')).toEqual([told]);
  const [payout] = await payoutsOf(shop);
  await send(shop, FIRST, out(compact(payout.id)));
  expect(await watchPayouts(deps, late)).toBe(others);
});

test("another tenant's payout is unknown", async () => {
  const [shop, stranger] = [await newShop(), await newShop()];
  await sellAndSettle(shop, FIRST);
  const [payout] = await payoutsOf(shop);
  expect((await api.call('GET', `${BASE}/payouts/${payout.id}`, { key: stranger.key })).status).toBe(404);
  expect(await payoutsOf(stranger)).toEqual([]);
  await sellAndSettle(stranger, FIRST);
  expect((await send(stranger, FIRST, out(compact(payout.id)))).counts).toMatchObject({ missing_internal: 1 });
  expect(await payoutsOf(shop)).toMatchObject([{ state: 'in_transit' }]);
});
