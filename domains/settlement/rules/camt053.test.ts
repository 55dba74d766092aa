import fc from 'fast-check';
import { CURRENCIES } from '../../../core/currency';
import { newId, toUuid } from '../../../core/ids';
import { type CamtStatement, camtStatements, parseCamt } from '../../../tests/support/camt';
import { childrenOf, only } from '../../../tests/support/xml';
import { CAMT_END, camtBegin, STATEMENT_END, statementBegin, transactionEntry } from './camt053';
import { ITEM_KINDS } from './reconcile';
import type { NamedStatement, SettledDay, StatementTransaction } from './statement';

const day: SettledDay = {
  runId: newId('set'),
  date: '2026-10-29',
  timeZone: 'Africa/Cairo',
  periodStart: new Date('2026-10-28T20:59:00Z'),
  periodEnd: new Date('2026-10-29T20:59:00Z'),
  state: 'completed',
  settledAt: new Date('2026-10-29T21:01:00Z'),
};

function message(statement: NamedStatement): string {
  return camtBegin(day) + statementBegin(day, statement) + STATEMENT_END + CAMT_END;
}

const amount = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
const positive = fc.bigInt({ min: 0n, max: 10n ** 15n });

/** Statements whose figures add up, as those of the database must. */
const statements = fc
  .record({
    merchantName: fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constant('Fish & <Chips> "Ltd" \u0001')),
    currency: fc.constantFrom(...CURRENCIES),
    opening: amount,
    grossSales: positive,
    refunds: amount,
    chargebacks: amount,
    adjustments: amount,
    fees: amount,
    feeTax: amount,
    reserveHeld: positive,
    reserveReleased: positive,
    paidOut: positive,
  })
  .map((given): NamedStatement => {
    const { grossSales, refunds, chargebacks, adjustments, fees, feeTax, reserveHeld, reserveReleased } = given;
    const net = grossSales + refunds + chargebacks + adjustments - fees - feeTax - reserveHeld + reserveReleased;
    const closing = given.opening + net - given.paidOut;
    return { ...given, merchantId: newId('mer'), net, closing, itemCount: 1n, lateCount: 0n };
  });

function expectSums(statement: CamtStatement): void {
  const sum = statement.entries.reduce((total, entry) => total + entry.amount, 0n);
  expect(statement.opening + sum).toBe(statement.closing);
  expect(statement.summary.net).toBe(sum);
  expect(statement.summary.credits - statement.summary.debits).toBe(sum);
  expect(statement.summary.count).toBe(BigInt(statement.entries.length));
}

test('a statement fits the standard, and its balances and movements are those of the statement', () => {
  fc.assert(
    fc.property(statements, (statement) => {
      const [read] = camtStatements(message(statement));
      if (read === undefined) throw new Error('no statement');
      expect(read.account).toBe(toUuid(statement.merchantId));
      expect(read.currency).toBe(statement.currency);
      expect(read.opening).toBe(statement.opening);
      expect(read.closing).toBe(statement.closing);
      expectSums(read);
      const sales = read.entries.find(({ code }) => code === 'SALES');
      expect(sales?.amount ?? 0n).toBe(statement.grossSales);
    }),
  );
});

const transactions = fc.record({
  kind: fc.constantFrom(...ITEM_KINDS),
  reference: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
  gross: amount,
  fee: amount,
  feeTax: amount,
  late: fc.boolean(),
});

test('with its transactions, each has an entry of its net, and the sums are the same', () => {
  fc.assert(
    fc.property(statements, fc.array(transactions, { maxLength: 8 }), (base, given) => {
      const items = given.map((item): StatementTransaction => {
        const net = item.gross - item.fee - item.feeTax;
        const { merchantId, currency } = base;
        return { ...item, id: newId('ltx'), merchantId, currency, net, effectiveAt: day.periodStart };
      });
      const nets = items.map(({ net }) => net);
      const [credits, debits] = [nets.filter((net) => net >= 0n), nets.filter((net) => net < 0n)];
      const sum = (amounts: bigint[]) => amounts.reduce((total, one) => total + one, 0n);
      const { opening, reserveHeld, reserveReleased, paidOut } = base;
      const net = sum(nets) - reserveHeld + reserveReleased;
      const statement = { ...base, net, closing: opening + net - paidOut };
      const totals = {
        credits: { count: BigInt(credits.length), sum: sum(credits) },
        debits: { count: BigInt(debits.length), sum: -sum(debits) },
      };
      const xml =
        camtBegin(day) +
        statementBegin(day, statement, totals) +
        items.map((item) => transactionEntry(day, item)).join('') +
        STATEMENT_END +
        CAMT_END;
      const [read] = camtStatements(xml);
      if (read === undefined) throw new Error('no statement');
      expectSums(read);
      expect(read.closing).toBe(statement.closing);
      const entries = read.entries.filter(({ reference }) => reference !== undefined);
      expect(entries.map(({ reference, amount: moved }) => [reference, moved])).toEqual(
        items.map((item) => [toUuid(item.id), item.net]),
      );
    }),
  );
});

test('a reference is given whole where it is too long for its element', () => {
  const reference = `ref-${'x'.repeat(200)} & more`;
  const item: StatementTransaction = {
    id: newId('ltx'),
    merchantId: newId('mer'),
    currency: 'EUR',
    kind: 'capture',
    reference,
    gross: 1000n,
    fee: 59n,
    feeTax: 0n,
    net: 941n,
    effectiveAt: day.periodStart,
    late: true,
  };
  const statement = fc.sample(statements, 1)[0];
  if (statement === undefined) throw new Error('no sample');
  const xml = camtBegin(day) + statementBegin(day, statement) + transactionEntry(day, item) + STATEMENT_END + CAMT_END;
  const entry = childrenOf(only(parseCamt(xml), 'Stmt'), 'Ntry').at(-1);
  if (entry === undefined) throw new Error('no entry');
  const details = only(entry, 'NtryDtls/TxDtls');
  expect(only(details, 'Refs/EndToEndId').text).toBe(item.id.replace('_', ''));
  expect(
    childrenOf(only(details, 'RmtInf'), 'Ustrd')
      .map(({ text }) => text)
      .join(''),
  ).toBe(reference);
  expect(only(entry, 'Chrgs/TtlChrgsAndTaxAmt').text).toBe('0.59');
  expect(only(details, 'AddtlTxInf').text).toMatch(/^Late/);
});

test('a day that is held for review says so', () => {
  const statement = fc.sample(statements, 1)[0];
  if (statement === undefined) throw new Error('no sample');
  const xml = camtBegin({ ...day, state: 'needs_review' }) + statementBegin(day, statement) + STATEMENT_END + CAMT_END;
  expect(only(parseCamt(xml), 'GrpHdr/AddtlInf').text).toMatch(/review/);
  expect(only(parseCamt(message(statement)), 'GrpHdr').children).toHaveLength(2);
});

test('the sequence number grows by one a day, over months and changes of the clock', () => {
  const statement = fc.sample(statements, 1)[0];
  if (statement === undefined) throw new Error('no sample');
  const numbers = ['2026-10-30', '2026-10-31', '2026-11-01'].map((date) => {
    const xml = camtBegin(day) + statementBegin({ ...day, date }, statement) + STATEMENT_END + CAMT_END;
    return Number(only(parseCamt(xml), 'Stmt/ElctrncSeqNb').text);
  });
  expect(numbers).toEqual([numbers[0], (numbers[0] ?? 0) + 1, (numbers[0] ?? 0) + 2]);
});
