import fc from 'fast-check';
import { apiConfig } from '../../../api/http/config';
import { csvRecord } from '../../../core/csv';
import type { PublicId } from '../../../core/ids';
import { formatDecimal } from '../../../core/money';
import type { ReconciliationStatus } from '../../../domains/settlement/rules/reconcile';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { insertLargeDay, insertSettledDay, largeReference, type TransactionFixture } from '../../support/settled-day';

let api: TestApi;
beforeAll(async () => {
  // A small one, so that a file of that size is small.
  api = await createApi({}, { WAYBILL_MAX_BODY_BYTES: '65536' });
});
afterAll(() => api.close());

const DATE = '2026-10-29';
const PATH = `/api/v2/finance/settlement/${DATE}/reconciliation`;

interface Shop {
  tenantId: PublicId;
  key: string;
  merchantId: PublicId;
}

async function newShop(transactions: readonly Omit<TransactionFixture, 'merchantId'>[], state?: string): Promise<Shop> {
  const tenant = await api.newTenant();
  await insertBusiness(api.deps.pool, tenant.tenantId);
  const merchantId = (await insertMerchant(api.deps.pool, tenant.tenantId)).id;
  await insertSettledDay(api.deps.pool, tenant.tenantId, {
    date: DATE,
    transactions: transactions.map((transaction) => ({ ...transaction, merchantId })),
    ...(state === undefined ? {} : { state }),
  });
  return { ...tenant, merchantId };
}

const send = (shop: Shop, body: string, headers: Record<string, string> = {}) =>
  api.call('POST', PATH, { key: shop.key, body, headers: { 'content-type': 'text/csv', ...headers } });

async function itemsOf(shop: Shop, id: string, query = '') {
  const items: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await api.call('GET', `${PATH}/${id}/items?limit=100${query}${next}`, { key: shop.key });
    items.push(...body.data);
    cursor = body.next;
  }
  return items;
}

const capture = (reference: string, amount: bigint, currency = 'EUR') =>
  ({ kind: 'capture', reference, amount, currency }) as const;

test('a file that says what the ledger says is matched line by line, with no variance', async () => {
  const shop = await newShop([
    { ...capture('pay_1', 1_250n), fee: 60n },
    { kind: 'refund', reference: 'ref_1', amount: 300n, currency: 'EUR' },
    capture('pay_2', 700n, 'JPY'),
  ]);
  const answer = await send(
    shop,
    'reference,currency,amount\r\npay_1,EUR,12.50\r\nref_1,EUR,-3.00\r\npay_2,JPY,700\r\n',
  );
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    date: DATE,
    state: 'within_tolerance',
    lines: 3,
    counts: {
      matched: 3,
      missing_internal: 0,
      missing_external: 0,
      amount_mismatch: 0,
      currency_mismatch: 0,
      duplicate: 0,
    },
    totals: [
      { currency: 'EUR', ledger: '950', external: '950', variance: '0', withinTolerance: true },
      { currency: 'JPY', ledger: '700', external: '700', variance: '0', withinTolerance: true },
    ],
  });
  expect(answer.get('location')).toBe(`${PATH}/${answer.body.id}`);
  expect((await api.call('GET', answer.get('location') ?? '', { key: shop.key })).body).toEqual(answer.body);
  expect((await api.call('GET', PATH, { key: shop.key })).body.data).toEqual([answer.body]);
});

test('what never went through the provider need not be in its file, and counts if it is', async () => {
  const shop = await newShop([
    capture('pay_1', 1_000n),
    { kind: 'adjustment', reference: 'adj_1', amount: -200n, currency: 'EUR' },
    { kind: 'adjustment', reference: 'adj_2', amount: 50n, currency: 'EUR' },
  ]);
  const { body } = await send(shop, 'reference,currency,amount\npay_1,EUR,10.00\nadj_2,EUR,0.50\n');
  expect(body).toMatchObject({
    state: 'within_tolerance',
    counts: { matched: 2, missing_external: 0 },
    totals: [{ ledger: '1050', external: '1050' }],
  });
  expect(await itemsOf(shop, body.id)).toHaveLength(2);
});

test('every way not to match is told apart, and comes before what matches', async () => {
  const shop = await newShop([
    capture('same', 100n),
    capture('twice', 200n),
    capture('less', 300n),
    capture('elsewhere', 400n),
    capture('ours', 500n),
  ]);
  const { body } = await send(
    shop,
    'reference,currency,amount\nsame,EUR,1.00\ntwice,EUR,2.00\ntwice,EUR,2.00\nless,EUR,2.99\nelsewhere,USD,4.00\ntheirs,EUR,6.00\n',
  );
  expect(body.counts).toEqual({
    matched: 2,
    missing_internal: 1,
    missing_external: 1,
    amount_mismatch: 1,
    currency_mismatch: 1,
    duplicate: 1,
  });
  const items = await itemsOf(shop, body.id);
  expect(items).toMatchObject([
    {
      status: 'duplicate',
      line: 4,
      reference: 'twice',
      transactionId: null,
      ledger: null,
      external: { amount: '200' },
    },
    { status: 'amount_mismatch', line: 5, type: 'capture', ledger: { amount: '300' }, external: { amount: '299' } },
    { status: 'currency_mismatch', line: 6, ledger: { currency: 'EUR' }, external: { currency: 'USD' } },
    { status: 'missing_internal', line: 7, reference: 'theirs', ledger: null },
    { status: 'missing_external', line: null, reference: 'ours', external: null },
    { status: 'matched', line: 2, reference: 'same' },
    { status: 'matched', line: 3, reference: 'twice' },
  ]);
  expect(await itemsOf(shop, body.id, '&status=amount_mismatch')).toEqual([items[1]]);
  expect(await itemsOf(shop, body.id, '&status=matched')).toEqual(items.slice(5));
  expect(body).toMatchObject({
    state: 'out_of_tolerance',
    totals: [
      { currency: 'EUR', ledger: '1500', external: '1399', variance: '101', withinTolerance: false },
      { currency: 'USD', ledger: '0', external: '400', variance: '-400', withinTolerance: false },
    ],
  });
});

test('types tell transactions of one reference apart, and give refunds their sign', async () => {
  const shop = await newShop([
    capture('order_1', 1_000n),
    { kind: 'refund', reference: 'order_1', amount: 1_000n, currency: 'EUR' },
    { kind: 'chargeback', reference: 'order_2', amount: 500n, currency: 'EUR' },
  ]);
  const typed = await send(
    shop,
    'reference,currency,amount,type\norder_1,EUR,10.00,refund\norder_1,EUR,10.00,capture\norder_2,EUR,-5.00,capture\n',
  );
  expect(typed.body.counts).toMatchObject({ matched: 2, missing_internal: 1, missing_external: 1 });
  const signed = await send(
    shop,
    'reference,currency,amount\norder_2,EUR,-5.00\norder_1,EUR,-10.00\norder_1,EUR,10.00\n',
  );
  expect(signed.body.counts).toMatchObject({ matched: 3, missing_internal: 0, missing_external: 0, duplicate: 0 });
});

test('of several lines with one reference the exact one finds its transaction, wherever it stands', async () => {
  const shop = await newShop([capture('pay_1', 1_000n)]);
  const { body } = await send(shop, 'reference,currency,amount\npay_1,EUR,9.99\npay_1,USD,10.00\npay_1,EUR,10.00\n');
  expect(body.counts).toMatchObject({ matched: 1, duplicate: 2, amount_mismatch: 0, currency_mismatch: 0 });
  const [matched] = await itemsOf(shop, body.id, '&status=matched');
  expect(matched).toMatchObject({ line: 4 });
});

test.each([
  ['99.90', 'out_of_tolerance'],
  ['99.91', 'within_tolerance'],
  ['100.10', 'within_tolerance'],
  ['100.11', 'out_of_tolerance'],
])('a ledger of 100.00 against %s is %s', async (amount, state) => {
  const shop = await newShop([capture('a', 10_000n)]);
  const { body } = await send(shop, `reference,currency,amount\na,EUR,${amount}\n`);
  expect([body.state, body.counts.amount_mismatch]).toEqual([state, 1]);
});

test('one currency out of the tolerance is enough, however well others fit', async () => {
  const shop = await newShop([capture('a', 10_000n), capture('b', 10_000n, 'JPY')]);
  const { body } = await send(shop, 'reference,currency,amount\na,EUR,100.00\nb,JPY,9000\n');
  expect(body.totals).toMatchObject([{ withinTolerance: true }, { withinTolerance: false, variance: '1000' }]);
  expect(body.state).toBe('out_of_tolerance');
});

test('an empty file of a day without transactions is within the tolerance', async () => {
  const shop = await newShop([]);
  const { status, body } = await send(shop, 'reference,currency,amount\n');
  expect([status, body.state, body.lines, body.totals]).toEqual([201, 'within_tolerance', 0, []]);
});

test('a file that cannot be read is refused with the numbers of its lines, and nothing is kept', async () => {
  const shop = await newShop([capture('a', 1n)]);
  const answer = await send(shop, 'reference,currency,amount\na,EUR,0.001\nb,XXX,1\nc,EUR,1\n');
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([
    { in: 'body', pointer: '#/lines/2', detail: expect.stringMatching(/^line 2: amount/) },
    { in: 'body', pointer: '#/lines/3', detail: expect.stringMatching(/^line 3: currency/) },
  ]);
  expect((await send(shop, '')).status).toBe(422);
  expect((await send(shop, 'no header here')).status).toBe(422);
  expect((await api.call('GET', PATH, { key: shop.key })).body.data).toEqual([]);
});

test('only CSV is taken, and only from keys that may settle', async () => {
  const shop = await newShop([]);
  expect((await api.call('POST', PATH, { key: shop.key, body: { reference: 'a' } })).status).toBe(415);
  const reader = await api.newTenant(['finance:read']);
  const body = 'reference,currency,amount\n';
  const headers = { 'content-type': 'text/csv' };
  expect((await api.call('POST', PATH, { key: reader.key, body, headers })).status).toBe(403);
});

test('a file may be larger than other bodies, and is refused when it is larger than 16 MiB', async () => {
  const shop = await newShop([capture('a', 100n)]);
  const file = (bytes: number) => `reference,currency,amount\n${'a,EUR,1.00\n'.repeat(Math.ceil(bytes / 11))}`;
  const { status, body } = await send(shop, file(api.deps.settings.of(apiConfig).WAYBILL_MAX_BODY_BYTES));
  expect([status, body.counts]).toMatchObject([201, { matched: 1, duplicate: body.lines - 1 }]);
  expect((await send(shop, file(16 * 1024 * 1024))).status).toBe(413);
});

test('a day that is not settled has nothing to be held against', async () => {
  expect((await send(await newShop([], 'running'), 'reference,currency,amount\n')).status).toBe(409);
  expect((await send(await newShop([], 'needs_review'), 'reference,currency,amount\n')).status).toBe(201);
  const tenant = await api.newTenant();
  expect((await send({ ...tenant, merchantId: '' }, 'reference,currency,amount\n')).status).toBe(404);
});

test("another tenant's reconciliation is unknown", async () => {
  const [shop, stranger] = [await newShop([]), await newShop([])];
  const { body } = await send(shop, 'reference,currency,amount\n');
  for (const path of [`${PATH}/${body.id}`, `${PATH}/${body.id}/items`]) {
    expect((await api.call('GET', path, { key: stranger.key })).status).toBe(404);
    expect((await api.call('GET', path, { key: shop.key })).status).toBe(200);
  }
});

test('each reconciliation is in the audit log, with the hash of its file', async () => {
  const shop = await newShop([capture('a', 100n)]);
  const { body } = await send(shop, 'reference,currency,amount\na,EUR,1.00\n');
  const { data } = (await api.call('GET', '/api/v2/finance/settlement/audit', { key: shop.key })).body;
  expect(data).toMatchObject([
    {
      action: 'settlement.reconciled',
      subject: DATE,
      actor: body.createdBy,
      payload: {
        reconciliationId: body.id,
        fileSha256: body.fileSha256,
        state: 'within_tolerance',
        totals: body.totals,
      },
    },
  ]);
  const verdict = await api.call('GET', '/api/v2/finance/settlement/audit/verify', { key: shop.key });
  // Its day was settled past Waybill, which verification says as well.
  expect(verdict.body).toMatchObject({ entries: 1, brokenAt: null });
});

test('sent again with the same idempotency key, a file is reconciled once', async () => {
  const shop = await newShop([capture('a', 100n)]);
  const headers = { 'idempotency-key': '6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2c' };
  const first = await send(shop, 'reference,currency,amount\na,EUR,1.00\n', headers);
  const second = await send(shop, 'reference,currency,amount\na,EUR,1.00\n', headers);
  expect([second.status, second.body]).toEqual([201, first.body]);
  expect((await send(shop, 'reference,currency,amount\na,EUR,1.01\n', headers)).status).toBe(422);
  expect((await api.call('GET', PATH, { key: shop.key })).body.data).toHaveLength(1);
});

test('lists of reconciliations are paged, newest first', async () => {
  const shop = await newShop([]);
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.unshift((await send(shop, 'reference,currency,amount\n')).body.id);
  const first = (await api.call('GET', `${PATH}?limit=2`, { key: shop.key })).body;
  const second = (await api.call('GET', `${PATH}?limit=2&cursor=${first.next}`, { key: shop.key })).body;
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
});

test('thousands of lines against thousands of transactions are matched by the database at once', async () => {
  const tenant = await api.newTenant();
  await insertBusiness(api.deps.pool, tenant.tenantId);
  const merchantId = (await insertMerchant(api.deps.pool, tenant.tenantId)).id;
  await insertLargeDay(api.deps.pool, tenant.tenantId, { date: DATE, merchantIds: [merchantId], count: 6_000 });
  const shop = { ...tenant, merchantId };
  // The file has a line for each but the last thousand.
  const lines = Array.from({ length: 5_000 }, (_, n) =>
    csvRecord([largeReference(DATE, merchantId, n + 1), 'EUR', '10.00']),
  );
  const started = performance.now();
  const { status, body } = await send(shop, csvRecord(['reference', 'currency', 'amount']) + lines.join(''));
  expect([status, body.counts]).toMatchObject([201, { matched: 5_000, missing_external: 1_000, duplicate: 0 }]);
  expect(performance.now() - started).toBeLessThan(60_000);
});

interface Thing {
  reference: string;
  currency: string;
  amount: bigint;
}

/** A transaction; one that never went through the provider is `internal`, and is not expected in a file. */
interface Item extends Thing {
  internal: boolean;
}

/** What a file must match, by pairing the most alike first; and the transactions that it is compared with. */
function expected(items: readonly Item[], lines: readonly Thing[]) {
  const left = { items: [...items], lines: [...lines] };
  const pairUp = (alike: (item: Thing, line: Thing) => boolean) => {
    let pairs = 0;
    for (const line of [...left.lines]) {
      const item = left.items.find((candidate) => alike(candidate, line));
      if (item === undefined) continue;
      left.items.splice(left.items.indexOf(item), 1);
      left.lines.splice(left.lines.indexOf(line), 1);
      pairs++;
    }
    return pairs;
  };
  const sameReference = (item: Thing, line: Thing) => item.reference === line.reference;
  const sameCurrency = (item: Thing, line: Thing) => sameReference(item, line) && item.currency === line.currency;
  const matched = pairUp((item, line) => sameCurrency(item, line) && item.amount === line.amount);
  const sameDirection = (item: Thing, line: Thing) => sameCurrency(item, line) && item.amount < 0n === line.amount < 0n;
  const amountMismatch = pairUp(sameDirection) + pairUp(sameCurrency);
  const currencyMismatch = pairUp(sameReference);
  const known = left.lines.filter(({ reference }) => items.some((item) => item.reference === reference)).length;
  const compared = items.filter((item) => !item.internal || !left.items.includes(item));
  const counts: Record<ReconciliationStatus, number> = {
    matched,
    amount_mismatch: amountMismatch,
    currency_mismatch: currencyMismatch,
    duplicate: known,
    missing_internal: left.lines.length - known,
    missing_external: left.items.filter(({ internal }) => !internal).length,
  };
  return { counts, compared };
}

const kinds = ['capture', 'refund', 'adjustment'] as const;
const thing = fc.record({
  reference: fc.constantFrom('a', 'b', 'c', 'd'),
  currency: fc.constantFrom('EUR', 'JPY'),
  amount: fc.constantFrom(1n, 2n, 3n),
});

test('whatever is in day and file, each transaction and line is accounted for once, as a slow comparison would', async () => {
  const posted = fc.uniqueArray(fc.record({ kind: fc.constantFrom(...kinds), thing }), {
    selector: ({ kind, thing: { reference } }) => `${kind} ${reference}`,
    maxLength: 10,
  });
  const sent = fc.array(fc.record({ negative: fc.boolean(), thing }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(posted, sent, async (given, file) => {
      const shop = await newShop(given.map(({ kind, thing: item }) => ({ kind, ...item })));
      const items = given.map(({ kind, thing: { amount, ...item } }) => ({
        ...item,
        amount: kind === 'refund' ? -amount : amount,
        internal: kind === 'adjustment',
      }));
      const lines = file.map(({ negative, thing: { amount, ...line } }) => ({
        ...line,
        amount: negative ? -amount : amount,
      }));
      const records = lines.map(({ reference, currency, amount }) =>
        csvRecord([reference, currency, formatDecimal(amount, currency)]),
      );
      const { body } = await send(shop, csvRecord(['reference', 'currency', 'amount']) + records.join(''));
      const { counts, compared } = expected(items, lines);
      expect(body.counts).toEqual(counts);

      const found = await itemsOf(shop, body.id);
      expect(
        found
          .filter(({ line }) => line !== null)
          .map(({ line }) => Number(line))
          .sort((a, b) => a - b),
      ).toEqual(lines.map((_line, index) => index + 2));
      const transactions = found.filter(({ transactionId }) => transactionId !== null);
      expect(new Set(transactions.map(({ transactionId }) => transactionId)).size).toBe(compared.length);
      expect(transactions).toHaveLength(compared.length);
      for (const { currency, variance } of body.totals) {
        const sum = (things: readonly Thing[]) =>
          things.reduce((total, one) => total + (one.currency === currency ? one.amount : 0n), 0n);
        expect(BigInt(variance)).toBe(sum(compared) - sum(lines));
      }
    }),
    { numRuns: 20 },
  );
});
