import fc from 'fast-check';
import { LEAST_WAITING, nextMostWaiting, typesOf } from './replay-filter';

test('all event types are no filter; a prefix keeps its dot', () => {
  expect(typesOf({ eventTypes: [] })).toBeUndefined();
  expect(typesOf({ eventTypes: ['a.b', '*'] })).toBeUndefined();
  expect(typesOf({ eventTypes: ['a.b', 'c.*'] })).toEqual({ exact: ['a.b'], prefixes: ['c.'] });
});

test('an endpoint that takes what it gets gets more, one that does not gets less, and each gets some', () => {
  fc.assert(
    fc.property(fc.integer({ min: LEAST_WAITING, max: 2_000 }), fc.nat(2_000), fc.nat(10_000), (most, waiting, ms) => {
      const next = nextMostWaiting(most, waiting, ms);
      expect(next).toBeGreaterThanOrEqual(LEAST_WAITING);
      expect(next).toBeLessThanOrEqual(2_000);
      if (waiting > most / 4) expect(next).toBeLessThanOrEqual(most);
      if (waiting <= most / 4) expect(next).toBeGreaterThanOrEqual(most);
    }),
  );
  expect(nextMostWaiting(50, 0, 100)).toBe(100);
  expect(nextMostWaiting(400, 390, 2_500)).toBe(200);
  expect(nextMostWaiting(400, 390, 500)).toBe(400);
});
