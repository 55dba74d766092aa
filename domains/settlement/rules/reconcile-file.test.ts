import fc from 'fast-check';
import { csvRecord } from '../../../core/csv';
import { CURRENCIES } from '../../../core/currency';
import { formatDecimal } from '../../../core/money';
import { readReconciliationFile } from './reconcile-file';

const errorsOf = (text: string) => {
  const file = readReconciliationFile(text);
  return file.ok ? [] : file.errors;
};

test('a file without types', () => {
  expect(
    readReconciliationFile('reference,currency,amount\r\npay_1,EUR,12.50\r\nref_1,eur,-3\r\nx,JPY,700\r\n'),
  ).toEqual({
    ok: true,
    hasKinds: false,
    lines: [
      { line: 2, reference: 'pay_1', kind: undefined, currency: 'EUR', amount: 1250n },
      { line: 3, reference: 'ref_1', kind: undefined, currency: 'EUR', amount: -300n },
      { line: 4, reference: 'x', kind: undefined, currency: 'JPY', amount: 700n },
    ],
  });
});

test('a file with types, its columns in another order and other letters, from a spreadsheet', () => {
  expect(readReconciliationFile('\uFEFFType, Amount ,CURRENCY,Reference\nRefund,3.00,KWD,"a,b"\n')).toEqual({
    ok: true,
    hasKinds: true,
    lines: [{ line: 2, reference: 'a,b', kind: 'refund', currency: 'KWD', amount: -3000n }],
  });
});

test('a header alone is a file of a day without transactions', () => {
  expect(readReconciliationFile('reference,currency,amount\n')).toEqual({ ok: true, hasKinds: false, lines: [] });
});

test.each([
  ['', /header/],
  ['\n\n', /header/],
  ['reference,amount\na,1', /currency is missing/],
  ['reference,currency,amount,amount\n', /twice/],
  ['reference,currency,amount,tpye\n', /column 4/],
])('the header %j is refused', (text, detail) => {
  expect(errorsOf(text)).toEqual(expect.arrayContaining([{ line: 1, detail: expect.stringMatching(detail) }]));
});

test.each([
  [',EUR,1', /reference is empty/],
  [`${'x'.repeat(256)},EUR,1`, /longer than 255/],
  ['a\uFFFD,EUR,1', /UTF-8/],
  ['a\0,EUR,1', /UTF-8/],
  ['a,EURO,1', /ISO 4217/],
  ['a,EUR,1.234', /at most 2 decimals/],
  ['a,JPY,1.0', /at most 0 decimals/],
  ['a,EUR,1e3', /amount/],
  ['a,EUR,"1,5"', /amount/],
  ['a,EUR,', /amount/],
  ['a,EUR,99999999999999999999', /amount/],
  ['a,EUR', /has 2 cells/],
  ['a,EUR,1,x', /has 4 cells/],
  ['a,EUR,"1', /no end/],
])('the line %j is refused, with its number', (line, detail) => {
  expect(errorsOf(`reference,currency,amount\nok,EUR,1\n${line}\n`)).toEqual([
    { line: 3, detail: expect.stringMatching(detail) },
  ]);
});

test('an unknown type is refused', () => {
  expect(errorsOf('reference,currency,amount,type\na,EUR,1,sale\n')).toEqual([
    { line: 2, detail: expect.stringMatching(/type is none of capture, refund/) },
  ]);
});

test('every bad line is named, up to fifty', () => {
  const text = `reference,currency,amount\n${'a,EUR,x\nb,EUR,1\n'.repeat(60)}`;
  const errors = errorsOf(text);
  expect(errors).toHaveLength(50);
  expect(errors.slice(0, 3).map(({ line }) => line)).toEqual([2, 4, 6]);
});

test('amounts of every currency come back to the last minor unit', () => {
  const lines = fc.array(
    fc.record({ currency: fc.constantFrom(...CURRENCIES), amount: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }) }),
  );
  fc.assert(
    fc.property(lines, (given) => {
      const records = given.map(({ currency, amount }, index) =>
        csvRecord([`ref ${index}`, currency, formatDecimal(amount, currency)]),
      );
      const file = readReconciliationFile(csvRecord(['reference', 'currency', 'amount']) + records.join(''));
      expect(file.ok && file.lines.map(({ currency, amount }) => ({ currency, amount }))).toEqual(given);
    }),
  );
});
