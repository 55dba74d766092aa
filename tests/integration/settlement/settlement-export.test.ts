import { get, type IncomingMessage } from 'node:http';
import { parse as parseCsv } from 'csv-parse/sync';
import fc from 'fast-check';
import { type PublicId, toUuid } from '../../../core/ids';
import { parseDecimal } from '../../../core/money';
import { addDays, businessDateAt } from '../../../domains/merchants/rules/business-day';
import { createApi, type TestApi } from '../../support/api-support';
import { camtStatements, parseCamt } from '../../support/camt';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { PATIENCE_MS } from '../../support/receiver';
import { insertLargeDay, insertSettledDay, type TransactionFixture } from '../../support/settled-day';
import { only } from '../../support/xml';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

interface Shop {
  tenantId: PublicId;
  key: string;
  merchants: PublicId[];
}

async function newShop(merchants: number, name?: string): Promise<Shop> {
  const tenant = await api.newTenant();
  await insertBusiness(api.deps.pool, tenant.tenantId);
  const made: PublicId[] = [];
  for (let n = 0; n < merchants; n++) {
    made.push((await insertMerchant(api.deps.pool, tenant.tenantId, name === undefined ? {} : { name })).id);
  }
  return { ...tenant, merchants: made.sort() };
}

async function exported(shop: Shop, date: string, query: string): Promise<string> {
  const answer = await api.call('GET', `/api/v2/finance/settlement/${date}/export?${query}`, { key: shop.key });
  expect([answer.status, answer.text?.slice(0, 200)]).toEqual([200, expect.anything()]);
  return answer.text;
}

/** Rows of a CSV file by the names of its header. */
function rowsOf(text: string): Record<string, string>[] {
  return parseCsv(text, { columns: true });
}

function sumOf(rows: readonly Record<string, string>[], column: string): bigint {
  return rows.reduce((total, row) => {
    const amount = parseDecimal(row[column] ?? '', row.currency ?? '');
    if (amount === undefined) throw new Error(`${column}: ${row[column]}`);
    return total + amount;
  }, 0n);
}

let counter = 0;
const transaction = fc.record({
  merchant: fc.nat({ max: 2 }),
  kind: fc.constantFrom('capture' as const, 'refund' as const, 'chargeback' as const, 'adjustment' as const),
  currency: fc.constantFrom('EUR', 'JPY', 'KWD'),
  amount: fc.bigInt({ min: 100n, max: 10n ** 12n }),
  fee: fc.bigInt({ min: 0n, max: 99n }),
  late: fc.boolean(),
});
const days = fc.array(fc.array(transaction, { maxLength: 12 }), { minLength: 2, maxLength: 3 });

function fixtures(shop: Shop, given: readonly (typeof transaction extends fc.Arbitrary<infer T> ? T : never)[]) {
  return given.map(({ merchant, ...rest }): TransactionFixture => {
    counter++;
    return { ...rest, merchantId: shop.merchants[merchant] ?? '', reference: `=ref "${counter}", é` };
  });
}

test('I15: every export adds up to the statements, and a day opens with what the day before closed with', async () => {
  await fc.assert(
    fc.asyncProperty(days, fc.boolean(), async (given, payout) => {
      const shop = await newShop(3);
      const closings = new Map<string, bigint>();
      for (const [index, transactions] of given.entries()) {
        const date = addDays('2026-10-28', index);
        const posted = fixtures(shop, transactions);
        await insertSettledDay(api.deps.pool, shop.tenantId, { date, transactions: posted, payout });
        const json = JSON.parse(await exported(shop, date, 'format=json&detail=transactions'));
        expect(json.transactions).toHaveLength(posted.length);
        const statements = rowsOf(await exported(shop, date, 'format=csv'));
        const lines = rowsOf(await exported(shop, date, 'detail=transactions'));
        expect(statements).toHaveLength(json.statements.length);
        expect(lines).toHaveLength(posted.length);
        if (statements.length === 0) continue;

        const camt = camtStatements(await exported(shop, date, 'format=camt053'));
        const detailed = camtStatements(await exported(shop, date, 'format=camt053&detail=transactions'));
        for (const [position, expected] of json.statements.entries()) {
          const { merchantId, currency, opening, closing, net, fees } = expected;
          const key = `${merchantId} ${currency}`;
          expect(BigInt(opening)).toBe(closings.get(key) ?? 0n);
          closings.set(key, BigInt(closing));

          const row = statements[position] ?? {};
          expect([row.merchant_id, row.currency]).toEqual([merchantId, currency]);
          for (const [column, value] of Object.entries({ opening, closing, net, fees })) {
            expect([column, sumOf([row], column)]).toEqual([column, BigInt(value)]);
          }
          const own = lines.filter((line) => line.merchant_id === merchantId && line.currency === currency);
          expect(own).toHaveLength(expected.itemCount);
          expect(sumOf(own, 'net')).toBe(BigInt(net));
          expect(sumOf(own, 'fee')).toBe(BigInt(fees));

          for (const message of [camt, detailed]) {
            const statement = message[position];
            if (statement === undefined) throw new Error('a statement is missing');
            expect([statement.account, statement.currency]).toEqual([toUuid(merchantId), currency]);
            expect([statement.opening, statement.closing]).toEqual([BigInt(opening), BigInt(closing)]);
            const sum = statement.entries.reduce((total, { amount }) => total + amount, 0n);
            expect(sum).toBe(statement.closing - statement.opening);
            expect(statement.summary.net).toBe(sum);
            expect(statement.summary.credits - statement.summary.debits).toBe(sum);
            expect(statement.summary.count).toBe(BigInt(statement.entries.length));
          }
          expect(detailed[position]?.entries.filter(({ reference }) => reference !== undefined)).toHaveLength(
            own.length,
          );
        }
      }
    }),
    { numRuns: 4 },
  );
});

describe('a day with everything in it', () => {
  const date = '2026-10-29';
  let shop: Shop;

  beforeAll(async () => {
    shop = await newShop(1, '=HYPERLINK("https://example.com")');
    const [merchantId = ''] = shop.merchants;
    const common = { merchantId, currency: 'KWD' };
    await insertSettledDay(api.deps.pool, shop.tenantId, {
      date,
      transactions: [
        { ...common, kind: 'capture', reference: '@pay,"1"', amount: 12_345n, fee: 388n, tax: 19n },
        { ...common, kind: 'refund', reference: 'ref_1', amount: 45n, late: true },
      ],
    });
  });

  test('is written as CSV with exact decimals, guarded texts and line ends as RFC 4180 has them', async () => {
    const text = await exported(shop, date, 'format=csv');
    expect(text.split('\r\n')).toHaveLength(3);
    expect(rowsOf(text)).toEqual([
      expect.objectContaining({
        business_date: date,
        merchant_id: shop.merchants[0],
        merchant_name: `'=HYPERLINK("https://example.com")`,
        currency: 'KWD',
        opening: '0.000',
        gross_sales: '12.345',
        refunds: '-0.045',
        fees: '0.388',
        fee_tax: '0.019',
        net: '11.893',
        closing: '11.893',
        item_count: '2',
        late_count: '1',
        state: 'completed',
      }),
    ]);
    const lines = rowsOf(await exported(shop, date, 'format=csv&detail=transactions'));
    expect(lines.map(({ reference, gross, late }) => [reference, gross, late]).sort()).toEqual([
      [`'@pay,"1"`, '12.345', 'false'],
      ['ref_1', '-0.045', 'true'],
    ]);
  });

  test('is a download that names the day, in UTF-8, with a byte order mark only where it is asked for', async () => {
    const path = `/api/v2/finance/settlement/${date}/export`;
    const plain = await api.call('GET', path, { key: shop.key });
    expect(plain.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(plain.get('content-disposition')).toBe(`attachment; filename="settlement-${date}.csv"`);
    expect(plain.text.startsWith('business_date')).toBe(true);
    expect((await api.call('GET', `${path}?bom=true`, { key: shop.key })).text).toBe(`\uFEFF${plain.text}`);
    const xml = await api.call('GET', `${path}?format=camt053`, { key: shop.key });
    expect(xml.get('content-type')).toBe('application/xml; charset=utf-8');
    expect(xml.get('content-disposition')).toContain('.camt053.xml"');
    const json = await api.call('GET', `${path}?format=json`, { key: shop.key });
    expect(json.get('content-type')).toBe('application/json; charset=utf-8');
    expect(json.body.statements).toHaveLength(1);
    expect(json.body.transactions).toBeUndefined();
  });

  test('asked for with HEAD, only the headers come', async () => {
    const answer = await api.call('HEAD', `/api/v2/finance/settlement/${date}/export`, { key: shop.key });
    expect([answer.status, answer.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
  });

  test('with another format, detail or parameter is refused', async () => {
    for (const query of ['format=pdf', 'detail=all', 'bom=1', 'page=2']) {
      const answer = await api.call('GET', `/api/v2/finance/settlement/${date}/export?${query}`, { key: shop.key });
      expect([query, answer.status]).toEqual([query, 422]);
    }
  });

  test("is nobody else's", async () => {
    const stranger = await newShop(0);
    const answer = await api.call('GET', `/api/v2/finance/settlement/${date}/export`, { key: stranger.key });
    expect(answer.status).toBe(404);
  });
});

test('a day that is held for review is exported, and says so in every format', async () => {
  const shop = await newShop(1);
  const [merchantId = ''] = shop.merchants;
  const transactions = [{ merchantId, kind: 'capture', reference: 'p', currency: 'EUR', amount: 100n } as const];
  await insertSettledDay(api.deps.pool, shop.tenantId, { date: '2026-10-29', state: 'needs_review', transactions });
  expect(rowsOf(await exported(shop, '2026-10-29', 'format=csv'))[0]?.state).toBe('needs_review');
  expect(JSON.parse(await exported(shop, '2026-10-29', 'format=json')).run.state).toBe('needs_review');
  const camt = parseCamt(await exported(shop, '2026-10-29', 'format=camt053'));
  expect(only(camt, 'GrpHdr/AddtlInf').text).toMatch(/review/);
});

test('a day without statements is an empty file, which camt.053 cannot be', async () => {
  const shop = await newShop(1);
  await insertSettledDay(api.deps.pool, shop.tenantId, { date: '2026-10-29', transactions: [] });
  expect(rowsOf(await exported(shop, '2026-10-29', 'format=csv'))).toEqual([]);
  expect(JSON.parse(await exported(shop, '2026-10-29', 'format=json&detail=transactions'))).toMatchObject({
    statements: [],
    transactions: [],
  });
  const answer = await api.call('GET', '/api/v2/finance/settlement/2026-10-29/export?format=camt053', {
    key: shop.key,
  });
  expect([answer.status, answer.body.type]).toEqual([409, '/docs/problems#wrong-state']);
});

test('an unknown day is 404, an open one and one that is being settled 409', async () => {
  const shop = await newShop(1);
  const status = async (date: string) =>
    (await api.call('GET', `/api/v2/finance/settlement/${date}/export`, { key: shop.key })).status;
  const today = businessDateAt(new Date(), { timeZone: 'Europe/Berlin', cutoff: '23:59' });
  expect(await status(today)).toBe(409);
  expect(await status(addDays(today, 5))).toBe(404);
  for (const date of ['2019-01-01', '2026-02-30', 'yesterday']) expect(await status(date)).toBe(404);
  for (const [index, state] of ['pending', 'running', 'failed'].entries()) {
    const date = addDays('2026-03-01', index);
    await insertSettledDay(api.deps.pool, shop.tenantId, { date, state, transactions: [] });
    expect([state, await status(date)]).toEqual([state, 409]);
  }
});

describe('a large day', () => {
  const date = '2026-10-29';
  let shop: Shop;

  beforeAll(async () => {
    shop = await newShop(2);
    await insertLargeDay(api.deps.pool, shop.tenantId, { date, merchantIds: shop.merchants, count: 2_600 });
  });

  test('is exported whole, over several pages, in every format', async () => {
    const lines = rowsOf(await exported(shop, date, 'detail=transactions'));
    expect(lines).toHaveLength(5_200);
    expect(new Set(lines.map(({ transaction_id: id }) => id)).size).toBe(5_200);
    expect(sumOf(lines, 'net')).toBe(5_200n * 941n);
    const camt = camtStatements(await exported(shop, date, 'format=camt053&detail=transactions'));
    expect(camt.map(({ entries, closing }) => [entries.length, closing])).toEqual([
      [2_600, 2_600n * 941n],
      [2_600, 2_600n * 941n],
    ]);
    const json = JSON.parse(await exported(shop, date, 'format=json&detail=transactions'));
    expect(json.transactions).toHaveLength(5_200);
  });
});

describe('a client that takes its time', () => {
  const date = '2026-10-29';
  const path = `/api/v2/finance/settlement/${date}/export?format=camt053&detail=transactions`;
  let shop: Shop;

  beforeAll(async () => {
    shop = await newShop(1);
    await insertLargeDay(api.deps.pool, shop.tenantId, { date, merchantIds: shop.merchants, count: 25_000 });
  });

  /** How often the database is asked while something goes on. */
  async function queriesOf(work: () => Promise<void>): Promise<number> {
    let queries = 0;
    const count = () => queries++;
    api.deps.reads.on('acquire', count);
    await work();
    api.deps.reads.off('acquire', count);
    return queries;
  }

  test('is not run ahead of, holds no connection, and ends the work by going away', async () => {
    const { reads: pool } = api.deps;
    const whole = await queriesOf(async () => {
      expect((await api.call('GET', path, { key: shop.key })).text).toContain('</Document>');
    });
    const begun = await queriesOf(async () => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get(`${api.url}${path}`, { headers: { authorization: `Bearer ${shop.key}` } }, resolve).on('error', reject);
      });
      response.pause();
      await lasting(() => pool.idleCount === pool.totalCount);
      response.destroy();
      await lasting(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0);
    });
    // Five pages of transactions; the sockets' buffers take no more than three of them.
    expect(whole).toBeGreaterThanOrEqual(8);
    expect(begun).toBeLessThanOrEqual(whole - 2);
  });
});

/** Waits until a condition has held for a while. */
async function lasting(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let held = 0; held < 20; held = condition() ? held + 1 : 0) {
    if (performance.now() > deadline) throw new Error('the condition did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
