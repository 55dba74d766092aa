import fc from 'fast-check';
import { integerPattern } from './number-patterns';

const MAX = 2n ** 63n - 1n;

test('fits the integers between its bounds, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -MAX, max: 1n }),
      fc.bigInt({ min: 1n, max: MAX }),
      fc.bigInt({ min: -3n, max: 3n }),
      fc.boolean(),
      (min, max, step, zero) => {
        const pattern = new RegExp(integerPattern(min, max, { zero }));
        for (const value of [min + step, max + step, step, (min + max) / 2n, -min + step, max * 10n, max / 10n]) {
          const inside = value >= min && value <= max && (value !== 0n || zero);
          expect([String(value), pattern.test(String(value))]).toEqual([String(value), inside]);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test.each(['-0', '01', '+1', ' 1', '1 ', '1.0', '1e1', '', '-', '１'])('%j is none', (text) => {
  for (const min of [1n, 0n, -5n, -1000n]) expect(new RegExp(integerPattern(min, 1000n)).test(text)).toBe(false);
});

test('is short where the bound is a power of ten', () => {
  expect(integerPattern(1n, 10n ** 15n)).toBe('^([1-9][0-9]{0,14}|1000000000000000)$');
  expect(integerPattern(-(10n ** 15n), 10n ** 15n)).toBe('^(0|-?([1-9][0-9]{0,14}|1000000000000000))$');
});
