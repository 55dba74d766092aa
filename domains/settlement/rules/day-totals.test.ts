import fc from 'fast-check';
import { createTotalsHash } from '../../../core/totals-hash';
import { sumUpDay } from './day-totals';
import type { Statement } from './statement';

const tea: Statement = {
  merchantId: 'mer_019e0c7b5d0e7cc2a7b1f30d1f2a9c11',
  currency: 'EUR',
  opening: 1n,
  grossSales: 15_000n,
  refunds: -2_000n,
  chargebacks: -1_000n,
  adjustments: 250n,
  fees: 1_907n,
  feeTax: 61n,
  reserveHeld: 150n,
  reserveReleased: 20n,
  net: 10_152n,
  paidOut: 10_153n,
  closing: 0n,
  itemCount: 5n,
  lateCount: 2n,
};

function summed(statements: readonly Statement[]) {
  const sums = sumUpDay();
  for (const statement of statements) sums.add(statement);
  return sums.result();
}

test('a day without statements comes to nothing', () => {
  expect(summed([])).toEqual({ totalsHash: createTotalsHash().digest(), totals: [] });
});

test('each sum stands under its own name, each currency for itself, in the order of their codes', () => {
  const yen = { ...tea, currency: 'JPY', grossSales: 7n };
  expect(summed([yen, tea, { ...tea, merchantId: `mer_${'f'.repeat(32)}` }]).totals).toEqual([
    {
      currency: 'EUR',
      merchants: 2,
      grossSales: '30000',
      refunds: '-4000',
      chargebacks: '-2000',
      fees: '3814',
      feeTax: '122',
      net: '20304',
      paidOut: '20306',
    },
    {
      currency: 'JPY',
      merchants: 1,
      grossSales: '7',
      refunds: '-2000',
      chargebacks: '-1000',
      fees: '1907',
      feeTax: '61',
      net: '10152',
      paidOut: '10153',
    },
  ]);
});

// Hashes of settled days are stored for ever: this one was made by the first version.
test('the hash of the same statements is the same for ever', () => {
  expect(summed([tea, { ...tea, currency: 'JPY', closing: -3n }]).totalsHash).toBe(
    '8cf52e216cd09a8299c6206a9c20585acb62ec4f6af96df4ee61f99a3687f3e9',
  );
});

test('any figure that differs, and any other order, has another hash', () => {
  const other = { ...tea, merchantId: `mer_${'f'.repeat(32)}` };
  const hashes = [[tea, other], [other, tea], ...Object.keys(tea).map((name) => [{ ...tea, [name]: 99n }, other])].map(
    (statements) => summed(statements).totalsHash,
  );
  expect(new Set(hashes).size).toBe(2 + Object.keys(tea).length);
});

const amount = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
const statement = fc.record<Statement>({
  merchantId: fc.constantFrom('mer_a', 'mer_b'),
  currency: fc.constantFrom('EUR', 'JPY', 'KWD'),
  opening: amount,
  grossSales: amount,
  refunds: amount,
  chargebacks: amount,
  adjustments: amount,
  fees: amount,
  feeTax: amount,
  reserveHeld: amount,
  reserveReleased: amount,
  net: amount,
  paidOut: amount,
  closing: amount,
  itemCount: amount,
  lateCount: amount,
});

test('every sum is exact, and the hash is that of all fields in the order of the statement', () => {
  const names = ['grossSales', 'refunds', 'chargebacks', 'fees', 'feeTax', 'net', 'paidOut'] as const;
  fc.assert(
    fc.property(fc.array(statement), (statements) => {
      const { totals, totalsHash } = summed(statements);
      const currencies = [...new Set(statements.map(({ currency }) => currency))].sort();
      expect(totals.map(({ currency }) => currency)).toEqual(currencies);
      for (const total of totals) {
        const own = statements.filter(({ currency }) => currency === total.currency);
        expect(total.merchants).toBe(own.length);
        for (const name of names) {
          expect(total[name]).toBe(String(own.reduce((sum, each) => sum + each[name], 0n)));
        }
      }
      const hash = createTotalsHash();
      for (const { merchantId, currency, ...figures } of statements) {
        hash.add([merchantId, currency, ...Object.values(figures)]);
      }
      expect(totalsHash).toBe(hash.digest());
    }),
  );
});
