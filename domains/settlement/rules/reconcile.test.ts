import fc from 'fast-check';
import { isWithinTolerance, signedAmount } from './reconcile';

test.each([
  [0n, 100_000n, true],
  [99n, 100_000n, true],
  [100n, 100_000n, false],
  [99n, -100_000n, true],
  [100n, -100_000n, false],
  [0n, 0n, true],
  [1n, 0n, false],
  [20_000n, -10_000n, false],
])('a discrepancy of %p against a file of %p: %p', (discrepancy, external, within) => {
  expect(isWithinTolerance(discrepancy, external)).toBe(within);
});

test('the tolerance is less than a thousandth at any size, where numbers of 64 bits would overflow', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 2n ** 100n }),
      fc.bigInt({ min: 0n, max: 2n ** 90n }),
      (external, discrepancy) => {
        const within = discrepancy === 0n || discrepancy < (external + 999n) / 1_000n;
        expect(isWithinTolerance(discrepancy, external)).toBe(within);
        expect(isWithinTolerance(discrepancy, -external)).toBe(within);
      },
    ),
  );
});

test('refunds and chargebacks are negative with and without a sign; other amounts stay as they are', () => {
  expect(signedAmount('refund', 5n)).toBe(-5n);
  expect(signedAmount('refund', -5n)).toBe(-5n);
  expect(signedAmount('chargeback', 5n)).toBe(-5n);
  expect(signedAmount('payout', 5n)).toBe(-5n);
  expect(signedAmount('payout_return', 5n)).toBe(5n);
  expect(signedAmount('capture', 5n)).toBe(5n);
  expect(signedAmount('capture', -5n)).toBe(-5n);
  expect(signedAmount('adjustment', -5n)).toBe(-5n);
  expect(signedAmount(undefined, 5n)).toBe(5n);
});
