import fc from 'fast-check';
import { csvRecord } from '../../../core/csv';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { formatDecimal } from '../../../core/money';
import { addDays } from '../../../domains/merchants/rules/business-day';
import { createApi, type TestApi } from '../../support/api-support';
import { camtSchemaErrors } from '../../support/camt-schema';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { insertSettledDay, type TransactionFixture } from '../../support/settled-day';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const DATE = '2026-10-29';
const BASE = '/api/v2/finance/settlement';

interface Shop {
  tenantId: PublicId;
  key: string;
  merchantId: PublicId;
}

type Given = Omit<TransactionFixture, 'merchantId'>;

async function newShop(days: Readonly<Record<string, readonly Given[]>>): Promise<Shop> {
  const tenant = await api.newTenant();
  await insertBusiness(api.deps.pool, tenant.tenantId);
  const merchantId = (await insertMerchant(api.deps.pool, tenant.tenantId)).id;
  for (const [date, given] of Object.entries(days)) {
    const transactions = given.map((transaction) => ({ ...transaction, merchantId }));
    await insertSettledDay(api.deps.pool, tenant.tenantId, { date, transactions });
  }
  return { ...tenant, merchantId };
}

const capture = (reference: string, amount = 1_000n): Given => ({
  kind: 'capture',
  reference,
  amount,
  currency: 'EUR',
});

interface Sent {
  date?: string;
  query?: string;
  type?: string;
}

async function reconcile(shop: Shop, body: string, { date = DATE, query = '', type = 'text/csv' }: Sent = {}) {
  const path = `${BASE}/${date}/reconciliation`;
  const answer = await api.call('POST', `${path}${query}`, {
    key: shop.key,
    body,
    headers: { 'content-type': type },
  });
  expect([answer.status, answer.body.errors]).toEqual([201, undefined]);
  const items: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await api.call('GET', `${path}/${answer.body.id}/items?limit=100${next}`, { key: shop.key });
    items.push(...page.body.data);
    cursor = page.body.next;
  }
  return { found: answer.body, items };
}

const file = (...lines: readonly (readonly [string, string])[]) =>
  csvRecord(['reference', 'currency', 'amount']) +
  lines.map(([reference, amount]) => csvRecord([reference, 'EUR', amount])).join('');

test('what is missing on one side does not make up for what is missing on the other', async () => {
  const ours = Array.from({ length: 42 }, () => capture(newId('pay')));
  const theirs = Array.from({ length: 42 }, () => [newId('pay'), '10.00'] as const);
  const { found } = await reconcile(await newShop({ [DATE]: ours }), file(...theirs));
  expect(found).toMatchObject({
    state: 'out_of_tolerance',
    counts: { matched: 0, missing_internal: 42, missing_external: 42 },
    totals: [{ ledger: '42000', external: '42000', variance: '0', discrepancy: '84000', withinTolerance: false }],
  });
});

test('differences in both directions do not make up for each other either', async () => {
  const shop = await newShop({ [DATE]: [capture('a'), capture('b')] });
  const { found } = await reconcile(shop, file(['a', '9.50'], ['b', '10.50']));
  expect(found).toMatchObject({ state: 'out_of_tolerance', totals: [{ variance: '0', discrepancy: '100' }] });
});

describe('the days around', () => {
  const [before, after] = [addDays(DATE, -1), addDays(DATE, 1)];

  test('a line of another day is matched, and says of which', async () => {
    const shop = await newShop({
      [before]: [capture('early')],
      [DATE]: [capture('today')],
      [after]: [capture('next')],
    });
    const lines = file(['early', '10.00'], ['today', '10.00'], ['next', '10.00']);
    const { found, items } = await reconcile(shop, lines);
    expect(found).toMatchObject({
      state: 'within_tolerance',
      counts: { matched: 3, missing_internal: 0 },
      totals: [{ ledger: '3000', external: '3000', discrepancy: '0' }],
    });
    expect(items.map(({ reference, settledOn }) => [reference, settledOn])).toEqual([
      ['early', before],
      ['today', DATE],
      ['next', after],
    ]);
    const narrow = await reconcile(shop, lines, { query: '?days=0' });
    expect(narrow.found.counts).toMatchObject({ matched: 1, missing_internal: 2 });
  });

  test('days further away than asked for are not looked at', async () => {
    const shop = await newShop({ [addDays(DATE, -4)]: [capture('old')], [DATE]: [] });
    expect((await reconcile(shop, file(['old', '10.00']))).found.counts).toMatchObject({ missing_internal: 1 });
    const wide = await reconcile(shop, file(['old', '10.00']), { query: '?days=4' });
    expect(wide.found.counts).toMatchObject({ matched: 1 });
  });

  test('what is not settled yet is matched too', async () => {
    const shop = await newShop({ [after]: [capture('open')], [DATE]: [] });
    await api.deps.pool.query('ALTER TABLE settlement_items DISABLE TRIGGER claimed_once');
    await api.deps.pool.query('UPDATE settlement_items SET run_id = NULL WHERE tenant_id = $1', [
      toUuid(shop.tenantId),
    ]);
    await api.deps.pool.query('ALTER TABLE settlement_items ENABLE TRIGGER claimed_once');
    const { items } = await reconcile(shop, file(['open', '10.00']));
    expect(items).toMatchObject([{ status: 'matched', settledOn: null }]);
  });

  test("a transaction in a neighbour's file is not missing, and not matched twice", async () => {
    const shop = await newShop({ [before]: [capture('late'), capture('other')], [DATE]: [] });
    const first = await reconcile(shop, file(['other', '10.00']), { date: before });
    expect(first.found.counts).toMatchObject({ matched: 1, missing_external: 1 });
    expect((await reconcile(shop, file(['late', '10.00']))).found.counts).toMatchObject({ matched: 1 });
    const again = await reconcile(shop, file(['other', '10.00']), { date: before });
    expect(again.found).toMatchObject({ state: 'within_tolerance', counts: { matched: 1, missing_external: 0 } });
    const twice = await reconcile(shop, file(['late', '10.00'], ['other', '10.00']));
    expect(twice.found).toMatchObject({ state: 'out_of_tolerance', counts: { matched: 1, duplicate: 1 } });
  });
});

/** What banks do to a reference, and how sure a match is then. */
const CHANGES = {
  nothing: { change: (id: string) => id, confidence: 'exact' },
  compact: { change: (id: string) => id.replace('_', ''), confidence: 'exact' },
  upper: { change: (id: string) => id.toUpperCase(), confidence: 'high' },
  spaces: { change: (id: string) => id.replace(/.{4}/g, '$& '), confidence: 'high' },
  dashes: { change: (id: string) => id.replace('_', '-'), confidence: 'high' },
  'upper, compact': { change: (id: string) => id.replace('_', '').toUpperCase(), confidence: 'high' },
  'cut to 35': { change: (id: string) => id.slice(0, 35), confidence: 'medium' },
  'upper, cut to 35': { change: (id: string) => id.toUpperCase().slice(0, 35), confidence: 'medium' },
  'spaces, cut to 35': { change: (id: string) => id.replace(/.{4}/g, '$& ').slice(0, 35), confidence: 'medium' },
  'among words': { change: (id: string) => `Payment ${id} of yesterday`, confidence: 'high' },
  digits: { change: (id: string) => id.replace(/\D/g, ''), confidence: 'low' },
} as const;

test('whatever banks do to references, each line finds its transaction and no other, and says how surely', async () => {
  const names = Object.keys(CHANGES) as (keyof typeof CHANGES)[];
  const line = fc.record({ change: fc.constantFrom(...names), known: fc.boolean(), sameAmount: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 12 }), async (given) => {
      const ids = given.map(() => newId('pay'));
      const amounts = given.map(({ sameAmount }, index) => (sameAmount ? 1_000n : BigInt(index + 1)));
      const amountOf = (index: number) => amounts[index] ?? 0n;
      const known = given.flatMap((one, index) => (one.known ? [capture(ids[index] ?? '', amountOf(index))] : []));
      const shop = await newShop({ [DATE]: known });
      const lines = given.map(
        ({ change }, index) =>
          [CHANGES[change].change(ids[index] ?? ''), formatDecimal(amountOf(index), 'EUR')] as const,
      );
      const { found, items } = await reconcile(shop, file(...lines));
      expect(found.counts).toMatchObject({ matched: known.length, missing_internal: given.length - known.length });
      for (const item of items) {
        const index = Number(item.line) - 2;
        const one = given[index];
        expect([item.reference, item.confidence, item.ledgerReference]).toEqual([
          lines[index]?.[0].trim(),
          one?.known === true ? CHANGES[one.change].confidence : null,
          one?.known === true ? ids[index] : null,
        ]);
      }
    }),
    { numRuns: 25 },
  );
});

test.each([
  ['a beginning', 'INVOICE-2026-ACME-EUROPE', ['INVOICE-2026-ACME-EUROPE-1', 'INVOICE-2026-ACME-EUROPE-2']],
  ['digits', '20260001', ['INV-20260001', 'CRN-20260001']],
])('%s that several transactions have is nobody’s', async (_name, reference, references) => {
  const shop = await newShop({ [DATE]: references.map((one) => capture(one)) });
  const { found } = await reconcile(shop, file([reference, '10.00']));
  expect(found.counts).toMatchObject({ matched: 0, missing_internal: 1 });
});

test.each([
  ['digits of a reference with letters', 'CRN-20260001', 'INV-20260001'],
  ['few digits', '1002', 'A-1002'],
  ['a short beginning', 'INVOICE-2026', 'INVOICE-2026-1'],
])('%s do not count', async (_name, reference, known) => {
  const shop = await newShop({ [DATE]: [capture(known)] });
  expect((await reconcile(shop, file([reference, '10.00']))).found.counts).toMatchObject({ missing_internal: 1 });
});

test('digits alone with another amount are no match, and a changed spelling with another amount is a mismatch', async () => {
  const [a, b] = [newId('pay'), newId('pay')];
  const shop = await newShop({ [DATE]: [capture(a), capture(b)] });
  const { items } = await reconcile(shop, file([a.replace(/\D/g, ''), '9.00'], [b.toUpperCase(), '9.00']));
  expect(items).toMatchObject([
    { status: 'missing_internal', line: 2 },
    { status: 'amount_mismatch', line: 3, confidence: 'high', ledgerReference: b },
    { status: 'missing_external', reference: a },
  ]);
});

describe('a payment with all that may follow it', () => {
  const ids = {
    order: newId('ord'),
    payment: newId('pay'),
    refund: newId('ref'),
    chargeback: newId('cbk'),
  };
  const references = { order: 'Order A-1002/é', payment: 'ch_3PqZ', refund: 're_3PqZ', chargeback: 'dp_1Nxx' };
  let shop: Shop;

  beforeAll(async () => {
    shop = await newShop({});
    const { pool } = api.deps;
    const tenant = toUuid(shop.tenantId);
    const uuid = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, toUuid(id)]));
    await pool.query(
      `INSERT INTO orders (id, tenant_id, merchant_id, amount, currency, state, reference)
       VALUES ($1, $2, $3, 10000, 'EUR', 'paid', $4)`,
      [uuid.order, tenant, toUuid(shop.merchantId), references.order],
    );
    await pool.query(
      `INSERT INTO payments (id, tenant_id, order_id, merchant_id, amount, currency, card_token, provider_reference, workflow_id)
       VALUES ($1, $2, $3, $4, 10000, 'EUR', 'tok', $5, 'w')`,
      [uuid.payment, tenant, uuid.order, toUuid(shop.merchantId), references.payment],
    );
    await pool.query(
      `INSERT INTO refunds (id, tenant_id, payment_id, amount, currency, provider_reference, workflow_id)
       VALUES ($1, $2, $3, 2500, 'EUR', $4, 'w')`,
      [uuid.refund, tenant, uuid.payment, references.refund],
    );
    await pool.query(
      `INSERT INTO chargebacks (id, tenant_id, payment_id, provider_reference, amount, currency, reason, occurred_at, workflow_id)
       VALUES ($1, $2, $3, $4, 4000, 'EUR', 'fraudulent', now(), 'w')`,
      [uuid.chargeback, tenant, uuid.payment, references.chargeback],
    );
    const { merchantId } = shop;
    const common = { merchantId, currency: 'EUR' };
    await insertSettledDay(pool, shop.tenantId, {
      date: DATE,
      transactions: [
        { ...common, kind: 'capture', reference: ids.payment, amount: 10_000n, fee: 320n, tax: 48n },
        { ...common, kind: 'refund', reference: ids.refund, amount: 2_500n },
        { ...common, kind: 'chargeback', reference: ids.chargeback, amount: 4_000n, fee: 1_500n },
      ],
    });
  });

  test('is matched by what the provider calls each part', async () => {
    const lines = file(
      [references.chargeback, '-40.00'],
      [references.payment, '100.00'],
      [references.refund.toUpperCase(), '-25.00'],
    );
    const { found, items } = await reconcile(shop, lines);
    expect(found).toMatchObject({ state: 'within_tolerance', counts: { matched: 3 } });
    expect(items.map(({ type, confidence }) => [type, confidence])).toEqual([
      ['chargeback', 'exact'],
      ['capture', 'exact'],
      ['refund', 'high'],
    ]);
  });

  test("is matched by the payment's name alone, where the amounts tell the parts apart", async () => {
    const lines = file([references.payment, '-25.00'], [references.payment, '-40.00'], [references.payment, '100.00']);
    const { found, items } = await reconcile(shop, lines);
    expect(found.counts).toMatchObject({ matched: 3 });
    expect(items.map(({ type }) => type)).toEqual(['refund', 'chargeback', 'capture']);
  });

  test("is matched by the order's reference", async () => {
    const { items } = await reconcile(shop, file([references.order, '100.00']));
    expect(items).toEqual(expect.arrayContaining([expect.objectContaining({ status: 'matched', type: 'capture' })]));
  });

  test('has all its names in every export', async () => {
    const exported = async (format: string) =>
      (await api.call('GET', `${BASE}/${DATE}/export?detail=transactions&format=${format}`, { key: shop.key })).text;
    const compact = ids.payment.replace('_', '');
    expect(await exported('csv')).toContain(`${compact},${references.order},${references.payment}\r\n`);
    expect(JSON.parse(await exported('json')).transactions).toContainEqual(
      expect.objectContaining({
        reference: ids.refund,
        endToEndId: ids.refund.replace('_', ''),
        orderReference: references.order,
        providerReference: references.refund,
      }),
    );
    const camt = await exported('camt053');
    expect(camt).toContain(`<EndToEndId>${compact}</EndToEndId>`);
    expect(camt).toContain(`<AddtlRmtInf>${references.order}</AddtlRmtInf>`);
    expect(camt).not.toContain('NOTPROVIDED');
    expect(await camtSchemaErrors(camt)).toEqual([]);
  });

  test('exported as camt.053 and sent back, everything is matched exactly', async () => {
    const path = `${BASE}/${DATE}/export?detail=transactions&format=camt053`;
    const { text } = await api.call('GET', path, { key: shop.key });
    for (const type of ['application/xml', 'text/xml; charset=utf-8']) {
      const { found, items } = await reconcile(shop, text, { type });
      expect(found).toMatchObject({ state: 'within_tolerance', lines: 3, counts: { matched: 3, missing_internal: 0 } });
      expect(items.map(({ confidence }) => confidence)).toEqual(['exact', 'exact', 'exact']);
    }
  });
});

describe('how a file is written', () => {
  const day = { [DATE]: [capture('Müller 1', 123_450n), capture('b', 250_000n)] };
  const german = 'reference;currency;amount;\r\n"Müller 1";EUR;+1.234,50;\r\nb;EUR;2.500,00;\r\n\u001A';

  test('decimal commas, semicolons, thousands, and a charset that is declared or not', async () => {
    const shop = await newShop(day);
    for (const charset of ['; charset=ISO-8859-1', '; charset=windows-1252', '']) {
      const answer = await fetch(`${api.url}${BASE}/${DATE}/reconciliation`, {
        method: 'POST',
        headers: { authorization: `Bearer ${shop.key}`, 'content-type': `text/csv${charset}` },
        body: new Uint8Array(Buffer.from(german, 'latin1')),
      });
      expect([answer.status, await answer.json()]).toMatchObject([201, { counts: { matched: 2 } }]);
    }
  });

  test('an amount of two readings is refused with its line until the mark is declared', async () => {
    const shop = await newShop({ [DATE]: [capture('a', 123_400n)] });
    const send = (query: string) =>
      api.call('POST', `${BASE}/${DATE}/reconciliation${query}`, {
        key: shop.key,
        body: 'reference;currency;amount\na;EUR;1.234\n',
        headers: { 'content-type': 'text/csv' },
      });
    const refused = await send('');
    expect([refused.status, refused.body.errors]).toEqual([
      422,
      [{ in: 'body', pointer: '#/lines/2', detail: expect.stringContaining('?decimal=comma') }],
    ]);
    expect((await send('?decimal=comma&delimiter=semicolon')).body.counts).toMatchObject({ matched: 1 });
    expect((await send('?delimiter=none')).status).toBe(422);
  });

  test('a camt.053 that cannot be read is refused', async () => {
    const shop = await newShop(day);
    const refused = await api.call('POST', `${BASE}/${DATE}/reconciliation`, {
      key: shop.key,
      body: '<?xml version="1.0"?><Document xmlns="urn:x"/>',
      headers: { 'content-type': 'application/xml' },
    });
    expect([refused.status, refused.body.errors[0].detail]).toEqual([422, expect.stringMatching(/namespace/)]);
  });
});
