import fc from 'fast-check';
import { CURRENCIES, exponentOf } from '../../../core/currency';
import { formatDecimal } from '../../../core/money';
import { type DecimalMark, markShownBy, readAmount } from './line-amount';

test.each([
  ['100.00', '.', 10_000n],
  ['+100.00', '.', 10_000n],
  ['-3', '.', -300n],
  ['25.00-', '.', -2_500n],
  ['25.00 -', '.', -2_500n],
  ['(25.00)', '.', -2_500n],
  ['\u221225.00', '.', -2_500n],
  ['12,5', ',', 1_250n],
  ['1.234,50', ',', 123_450n],
  ['1,234.50', '.', 123_450n],
  ["1'234.50", '.', 123_450n],
  ['1\u00A0234,50', ',', 123_450n],
  ['1\u202F234\u202F567,00', ',', 123_456_700n],
  ['12,34,567.00', '.', 123_456_700n],
  ['1.234.567', ',', 123_456_700n],
  ['1,234', '.', 123_400n],
  ['1.234', ',', 123_400n],
  ['7.0000', '.', 700n],
])('%j with the mark %j is %p cents', (text, mark, amount) => {
  expect(readAmount(text, 2, mark as DecimalMark)).toBe(amount);
});

test.each([
  ['700', 0, 700n],
  ['1.234', 3, 1_234n],
  ['1.0000', 4, 'either'],
  ['1.234', 2, 'either'],
  ['1,234', 3, 'either'],
  ['12.50', 2, 'either'],
])('%j in a currency of %p decimals, where nothing shows the mark, is %p', (text, exponent, amount) => {
  expect(readAmount(text, exponent, undefined)).toBe(amount);
});

test('yen may have zeros behind the point, and nothing else', () => {
  expect(readAmount('700.00', 0, '.')).toBe(700n);
  expect(readAmount('700.01', 0, '.')).toBe('decimals');
  expect(readAmount('1.234', 2, '.')).toBe('decimals');
});

test.each([
  '',
  ' ',
  '1e3',
  '+-1',
  '-1-',
  '1.2.3',
  '12,3456.00',
  '1,23.00',
  '1 2',
  '1.',
  '.5',
  'EUR 5',
  '(5',
  '1..2',
  '٣',
])('%j is no number', (text) => {
  expect(readAmount(text, 2, '.')).toBe('no-number');
});

test('what is larger than the ledger holds is told apart', () => {
  expect(readAmount('92233720368547758.07', 2, '.')).toBe(2n ** 63n - 1n);
  expect(readAmount('92233720368547758.08', 2, '.')).toBe('too-large');
  expect(readAmount('9'.repeat(40), 2, '.')).toBe('too-large');
});

test.each([
  ['1.234,50', ','],
  ['1,234.50', '.'],
  ['12,5', ','],
  ['12.5', '.'],
  ['1,234,567', '.'],
  ['1.234.567', ','],
  ['1234.567', '.'],
  ['0,125', ','],
  ['1.234', undefined],
  ['1,234', undefined],
  ['1234', undefined],
  ['25,00-', ','],
  ['x', undefined],
])('%j shows the mark %j', (text, mark) => {
  expect(markShownBy(text)).toBe(mark);
});

test('whatever grouping, sign and mark an amount is written with, it comes back to the last unit', () => {
  const style = fc.record({
    mark: fc.constantFrom<DecimalMark>('.', ','),
    group: fc.constantFrom('', ' ', "'", '\u00A0', 'other'),
    sign: fc.constantFrom('before', 'after', 'parentheses', 'plus'),
    zeros: fc.nat({ max: 2 }),
  });
  const money = fc.record({
    currency: fc.constantFrom(...CURRENCIES),
    amount: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  });
  fc.assert(
    fc.property(style, money, ({ mark, group, sign, zeros }, { currency, amount }) => {
      const exponent = exponentOf(currency) ?? 0;
      const plain = formatDecimal(amount < 0n ? -amount : amount, currency);
      const [whole = '', fraction = ''] = plain.split('.');
      const between = group === 'other' ? (mark === '.' ? ',' : '.') : group;
      const grouped = whole.replace(/\B(?=(\d{3})+$)/g, between);
      const decimals = fraction + '0'.repeat(zeros);
      const number = decimals === '' ? grouped : `${grouped}${mark}${decimals}`;
      const negative = { before: `-${number}`, after: `${number}-`, parentheses: `(${number})`, plus: `-${number}` };
      const text = amount < 0n ? negative[sign] : sign === 'plus' ? `+${number}` : number;
      expect(readAmount(text, exponent, mark)).toBe(amount);
      // A file never shows another mark than the one that it has.
      expect([mark, undefined]).toContain(markShownBy(text));
    }),
    { numRuns: 500 },
  );
});
