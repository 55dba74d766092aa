import fc from 'fast-check';
import { inParts } from './statement';

test('parts keep the order, and have at most so many transactions or a single statement', () => {
  const statements = fc.array(fc.record({ itemCount: fc.bigInt({ min: 0n, max: 30n }) }));
  fc.assert(
    fc.property(statements, (given) => {
      const parts = inParts(given, 20n);
      expect(parts.flat()).toEqual(given);
      for (const part of parts) {
        const items = part.reduce((sum, { itemCount }) => sum + itemCount, 0n);
        expect(part.length === 1 || items <= 20n).toBe(true);
        expect(part.length).toBeGreaterThan(0);
      }
      // None is smaller than it has to be.
      for (const [index, part] of parts.entries()) {
        const next = parts[index + 1]?.[0]?.itemCount ?? 21n;
        expect(part.reduce((sum, { itemCount }) => sum + itemCount, next)).toBeGreaterThan(20n);
      }
    }),
  );
});
