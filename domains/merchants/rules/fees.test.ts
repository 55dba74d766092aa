import fc from 'fast-check';
import { type FeeTerms, feeOf, feeReturned } from './fees';

const plain: FeeTerms = {
  bps: 290,
  fixed: 30n,
  minFee: undefined,
  maxFee: undefined,
  tiers: [],
  taxBps: 0,
  disputeFee: 0n,
};
const amount = fc.bigInt({ min: 1n, max: 10n ** 15n });
const bps = fc.integer({ min: 0, max: 10_000 });
const fixed = fc.bigInt({ min: 0n, max: 10_000n });

test('a fee is rate and fixed part, within its bounds, with tax on it', () => {
  expect(feeOf(10_000n, plain)).toEqual({ fee: 320n, tax: 0n });
  expect(feeOf(100n, { ...plain, minFee: 50n })).toEqual({ fee: 50n, tax: 0n });
  expect(feeOf(10_000_000n, { ...plain, maxFee: 5_000n })).toEqual({ fee: 5_000n, tax: 0n });
  expect(feeOf(10_000n, { ...plain, taxBps: 1_500 })).toEqual({ fee: 320n, tax: 48n });
});

test('the tier of an amount takes the place of the rate', () => {
  const tiers = [
    { upTo: 1_000n, bps: 100, fixed: 0n },
    { upTo: null, bps: 50, fixed: 1n },
  ];
  expect([1_000n, 1_001n].map((value) => feeOf(value, { ...plain, tiers }).fee)).toEqual([10n, 6n]);
});

test('I10: a fee is never negative, and within a tier never less for a larger amount', () => {
  fc.assert(
    fc.property(amount, amount, bps, fixed, bps, (one, other, rate, extra, taxBps) => {
      const [less, more] = one < other ? [one, other] : [other, one];
      const terms = { ...plain, bps: rate, fixed: extra, taxBps };
      const [low, high] = [feeOf(less, terms), feeOf(more, terms)];
      expect(low.fee >= 0n && low.tax >= 0n).toBe(true);
      expect(low.fee <= high.fee && low.tax <= high.tax).toBe(true);
    }),
  );
});

test('I9: refunds in any parts give back exactly the fee in the end, and never more on the way', () => {
  const parts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(parts, bps, fixed, bps, (refunds, rate, extra, taxBps) => {
      const captured = refunds.reduce((sum, part) => sum + part, 0n);
      const charged = feeOf(captured, { ...plain, bps: rate, fixed: extra, taxBps });
      let refunded = 0n;
      const returned = { fee: 0n, tax: 0n };
      for (const refund of refunds) {
        const back = feeReturned(charged, { captured, before: refunded, amount: refund, policy: 'prorate' });
        refunded += refund;
        returned.fee += back.fee;
        returned.tax += back.tax;
        expect(returned.fee >= 0n && returned.fee <= charged.fee && returned.tax <= charged.tax).toBe(true);
      }
      expect(returned).toEqual(charged);
    }),
  );
});

test('a business that keeps its fees gives nothing back', () => {
  expect(
    feeReturned({ fee: 320n, tax: 48n }, { captured: 10_000n, before: 0n, amount: 10_000n, policy: 'keep' }),
  ).toEqual({ fee: 0n, tax: 0n });
});
