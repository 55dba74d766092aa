import fc from 'fast-check';
import { CURRENCIES, exponentOf } from './currency';
import { divideHalfEven, formatDecimal, MAX_AMOUNT, parseDecimal, parseMinorUnits } from './money';

const amounts = fc.bigInt({ min: -MAX_AMOUNT, max: MAX_AMOUNT });

test('halves go to the even neighbour, on both sides of zero', () => {
  const halves = [-5n, -3n, -1n, 1n, 3n, 5n, 7n];
  expect(halves.map((half) => divideHalfEven(half, 2n))).toEqual([-2n, -2n, 0n, 0n, 2n, 2n, 4n]);
});

test('I10: a quotient is never off by more than a half, and rounding has no bias over symmetric ties', () => {
  const positive = fc.bigInt({ min: 1n, max: 10n ** 12n });
  fc.assert(
    fc.property(amounts, positive, (numerator, denominator) => {
      const off = numerator - divideHalfEven(numerator, denominator) * denominator;
      const size = off < 0n ? -off : off;
      expect(2n * size <= denominator).toBe(true);
      expect(divideHalfEven(-numerator, denominator)).toBe(-divideHalfEven(numerator, denominator));
    }),
  );
  let sum = 0n;
  for (let n = 0n; n < 1_000n; n++) sum += 2n * divideHalfEven(2n * n + 1n, 2n) - (2n * n + 1n);
  expect(sum).toBe(0n);
});

test('minor units are whole numbers of 64 bits, written plainly', () => {
  expect(['0', '12345', '-1', '9223372036854775807'].map(parseMinorUnits)).toEqual([0n, 12345n, -1n, MAX_AMOUNT]);
  const wrong = ['', '01', '1.0', '1e3', '+1', ' 1', '-0', '9223372036854775808', '99999999999999999999', '0x1'];
  expect(wrong.map(parseMinorUnits)).toEqual(wrong.map(() => undefined));
});

test('an amount is the same after writing and reading it, in every currency', () => {
  fc.assert(
    fc.property(amounts, fc.constantFrom(...CURRENCIES), (amount, currency) => {
      expect(parseDecimal(formatDecimal(amount, currency), currency)).toBe(amount);
    }),
  );
});

test.each([
  [12345n, 'EUR', '123.45'],
  [-5n, 'EUR', '-0.05'],
  [1000n, 'JPY', '1000'],
  [-50n, 'KWD', '-0.050'],
  [1n, 'CLF', '0.0001'],
])('%s %s is %s', (amount, currency, text) => {
  expect(formatDecimal(amount, currency)).toBe(text);
});

test('more decimals than a currency has are refused, not rounded', () => {
  expect(parseDecimal('1.5', 'JPY')).toBeUndefined();
  expect(parseDecimal('1.005', 'EUR')).toBeUndefined();
  expect(parseDecimal('1.005', 'KWD')).toBe(1005n);
  expect(exponentOf('XXX')).toBeUndefined();
});
