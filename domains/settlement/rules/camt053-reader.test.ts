import fc from 'fast-check';
import { CURRENCIES } from '../../../core/currency';
import { newId, toUuid } from '../../../core/ids';
import { camtSchemaErrors } from '../../../tests/support/camt-schema';
import { CAMT_END, camtBegin, STATEMENT_END, statementBegin, transactionEntry } from './camt053';
import { ITEM_KINDS } from './reconcile';
import { readReconciliationFile } from './reconcile-file';
import { endToEndId, payoutReference } from './references';
import type { NamedStatement, SettledDay, StatementTransaction } from './statement';

const NAMESPACE = 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08';

const message = (entries: string, namespace = NAMESPACE) =>
  `<?xml version="1.0"?><Document xmlns="${namespace}"><BkToCstmrStmt><Stmt>${entries}</Stmt></BkToCstmrStmt></Document>`;

async function read(xml: string) {
  const file = await readReconciliationFile(xml);
  if (!file.ok) throw new Error(JSON.stringify(file.errors));
  return file.lines;
}

async function errorsOf(xml: string) {
  const file = await readReconciliationFile(xml);
  return file.ok ? [] : file.errors;
}

const entry = (inner: string, status = '<Sts><Cd>BOOK</Cd></Sts>') =>
  `<Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>${status}${inner}</Ntry>`;

test('an entry is a line: its amount with its direction, and all that names it', async () => {
  const details =
    '<NtryRef>N1</NtryRef><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>B2</AcctSvcrRef>' +
    '<InstrId>I1</InstrId><EndToEndId>E1</EndToEndId></Refs><RmtInf><Ustrd>for </Ustrd><Ustrd>you</Ustrd></RmtInf>' +
    '</TxDtls></NtryDtls>';
  expect(await read(message(entry(details)))).toEqual([
    {
      line: 1,
      references: ['E1', 'I1', 'B2', 'for you', 'N1', 'B1'],
      kind: undefined,
      currency: 'EUR',
      amount: -10_000n,
    },
  ]);
});

test('what fills a reference that is not there is none', async () => {
  const details = '<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls>';
  expect((await read(message(entry(details))))[0]?.references).toEqual(['entry 1']);
});

test('a batch is a line for each of its transactions, or one where it does not say what each came to', async () => {
  const part = (id: string, amount: string) => `<TxDtls><Refs><EndToEndId>${id}</EndToEndId></Refs>${amount}</TxDtls>`;
  const amounts = `<NtryDtls>${part('a', '<Amt Ccy="EUR">60</Amt>')}${part('b', '<AmtDtls><TxAmt><Amt Ccy="EUR">40.0</Amt></TxAmt></AmtDtls>')}</NtryDtls>`;
  const lines = await read(message(entry(amounts) + entry(`<NtryDtls>${part('c', '')}${part('d', '')}</NtryDtls>`)));
  expect(lines.map(({ line, references: [first], amount }) => [line, first, amount])).toEqual([
    [1, 'a', -6_000n],
    [2, 'b', -4_000n],
    [3, 'entry 3', -10_000n],
  ]);
});

test('the first version, prefixes and what is only announced', async () => {
  const old = message(
    entry('', '<Sts>BOOK</Sts>') + entry('', '<Sts>PDNG</Sts>') + entry('', '<Sts><Cd>INFO</Cd></Sts>'),
  );
  expect(await read(old.replace('.001.08', '.001.02'))).toHaveLength(1);
  const prefixed = message(entry(''))
    .replace(/<(\/?)(\w)/g, '<$1c:$2')
    .replace('xmlns=', 'xmlns:c=');
  expect(await read(prefixed)).toHaveLength(1);
});

test.each([
  ['another message', message('', 'urn:iso:std:iso:20022:tech:xsd:camt.054.001.08'), /namespace/],
  ['what is not XML', '<Document', /not a camt\.053 message/],
  ['an entry without its end', message('').replace('</Stmt>', '<Ntry></Stmt>'), /not a camt\.053/],
  ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${message('')}`, /document type/],
  ['an entity of its own', message(entry('<NtryRef>&b;</NtryRef>')), /not a camt\.053/],
  ['an unknown currency', message(entry('').replace('EUR', 'XXX')), /ISO 4217/],
  ['too many decimals', message(entry('').replace('100.00', '100.001')), /at most 2 decimals/],
  ['no amount', message(entry('').replace('100.00', 'x')), /not a number/],
  ['no direction', message(entry('').replace('DBIT', 'DEBIT')), /CdtDbtInd/],
  ['elements without end', message(`<Ntry>${'<a>'.repeat(100)}`), /nested/],
])('%s is refused', async (_name, xml, detail) => {
  expect(await errorsOf(xml)).toEqual([{ line: 1, detail: expect.stringMatching(detail) }]);
});

const day: SettledDay = {
  runId: newId('set'),
  date: '2026-10-29',
  timeZone: 'UTC',
  periodStart: new Date('2026-10-28T23:59:00Z'),
  periodEnd: new Date('2026-10-29T23:59:00Z'),
  state: 'completed',
  settledAt: new Date('2026-10-30T00:01:00Z'),
};

const references = fc.oneof(
  fc.constantFrom('pay' as const, 'ref' as const, 'cbk' as const).map((prefix) => newId(prefix)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((text) => !/[\0\uFFFD]/.test(text)),
  fc.stringMatching(/^[A-Z0-9/-]{1,40}$/),
);
const item = fc.record({
  kind: fc.constantFrom(...ITEM_KINDS),
  reference: references,
  orderReference: fc.option(fc.string({ minLength: 1, maxLength: 200 }), { nil: undefined }),
  gross: fc.bigInt({ min: 1n, max: 10n ** 12n }),
  fee: fc.bigInt({ min: -(10n ** 6n), max: 10n ** 6n }),
});

function exported(currency: string, given: readonly (typeof item extends fc.Arbitrary<infer T> ? T : never)[]) {
  const merchantId = newId('mer');
  const items = given.map((one): StatementTransaction => {
    const outgoing = one.kind === 'refund' || one.kind === 'chargeback';
    const gross = outgoing ? -one.gross : one.gross;
    const fee = one.kind === 'adjustment' ? 0n : one.fee;
    return {
      ...one,
      id: newId('ltx'),
      merchantId,
      currency,
      gross,
      fee,
      feeTax: 0n,
      net: gross - fee,
      effectiveAt: day.periodStart,
      late: false,
    };
  });
  const statement: NamedStatement = {
    merchantId,
    merchantName: 'Tea house',
    payoutReference: payoutReference(day.runId, merchantId, currency),
    currency,
    opening: 0n,
    grossSales: 0n,
    refunds: 0n,
    chargebacks: 0n,
    adjustments: 0n,
    fees: 0n,
    feeTax: 0n,
    reserveHeld: 5n,
    reserveReleased: 0n,
    net: 0n,
    paidOut: 6_024n,
    closing: 0n,
    itemCount: BigInt(items.length),
    lateCount: 0n,
  };
  const totals = { credits: { count: 0n, sum: 0n }, debits: { count: 0n, sum: 0n } };
  const xml =
    camtBegin(day) +
    statementBegin(day, statement, totals) +
    items.map((one) => transactionEntry(day, one)).join('') +
    STATEMENT_END +
    CAMT_END;
  return { xml, items, statement };
}

test('what is exported is read back: each transaction gross, by a name of at most 35 characters, and the payout', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CURRENCIES), fc.array(item, { maxLength: 8 }), async (currency, given) => {
      const { xml, items, statement } = exported(currency, given);
      const [payout, ...lines] = await read(xml);
      expect(payout).toMatchObject({
        references: [payoutReference(day.runId, statement.merchantId, currency)],
        amount: -6_024n,
      });
      expect(lines.map((line) => [line.references[0], line.currency, line.amount])).toEqual(
        items.map(({ reference, id, gross }) => [endToEndId(reference, id), currency, gross]),
      );
      for (const [index, { references: all }] of lines.entries()) {
        expect(all[0].length).toBeLessThanOrEqual(35);
        expect(all).toContain(toUuid(items[index]?.id ?? ''));
      }
    }),
  );
});

test("what is exported is valid by the standard's own schema", async () => {
  for (const currency of ['EUR', 'JPY', 'KWD']) {
    const [given = []] = fc.sample(fc.array(item, { minLength: 12, maxLength: 20 }), 1);
    expect(await camtSchemaErrors(exported(currency, given).xml)).toEqual([]);
  }
  expect(await camtSchemaErrors(message(''))).not.toEqual([]);
});
