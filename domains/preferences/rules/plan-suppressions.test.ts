import fc from 'fast-check';
import { type Like, outlasts, type PlannedWish, planSuppressions } from './plan-suppressions';

const NOW = 1_000;
const expiry = fc.option(fc.integer({ min: NOW - 3, max: NOW + 3 }));
const key = fc.constantFrom('a', 'b', 'c');
/** What has expired already is refused before. */
const ahead = fc.option(fc.integer({ min: NOW + 1, max: NOW + 4 }));
const wishes = fc.array(fc.record({ key, expiresAt: ahead }), { maxLength: 12 });
const before = fc.dictionary(key, fc.record({ expiresAt: expiry })).map((entries) => new Map(Object.entries(entries)));

/** What there is after a plan was written. */
function after(there: ReadonlyMap<string, Like>, planned: readonly PlannedWish[]): Map<string, Like> {
  const now = new Map(there);
  for (const { key, expiresAt } of planSuppressions(planned, there, NOW).writes) now.set(key, { expiresAt });
  return now;
}

test('a new one is made, a longer one extends it, and another like it is known', () => {
  const planned = planSuppressions(
    [
      { key: 'a', expiresAt: NOW + 1 },
      { key: 'a', expiresAt: NOW + 1 },
      { key: 'a', expiresAt: null },
      { key: 'b', expiresAt: NOW + 5 },
    ],
    new Map([['b', { expiresAt: NOW }]]),
    NOW,
  );
  expect(planned).toEqual({
    outcomes: ['made', 'known', 'extended', 'made'],
    writes: [
      { key: 'a', wish: 0, kind: 'make', expiresAt: null },
      { key: 'b', wish: 3, kind: 'make', expiresAt: NOW + 5 },
    ],
  });
});

test('it is the same in however many pages it is done', () => {
  fc.assert(
    fc.property(wishes, before, fc.nat(12), (all, there, cut) => {
      const first = all.slice(0, cut);
      const rest = all.slice(cut);
      const between = after(there, first);
      const outcomes = [first, rest].map((some, page) => planSuppressions(some, page === 0 ? there : between, NOW));
      expect(outcomes.flatMap((plan) => plan.outcomes)).toEqual(planSuppressions(all, there, NOW).outcomes);
      expect(after(between, rest)).toEqual(after(there, all));
    }),
  );
});

test('nothing ends sooner for it, and what was done once is known when it is done again', () => {
  fc.assert(
    fc.property(wishes, before, (all, there) => {
      const now = after(there, all);
      for (const [key, { expiresAt }] of there) {
        const kept = now.get(key)?.expiresAt;
        if (expiresAt === null || expiresAt > NOW) expect(kept === undefined || outlasts(expiresAt, kept)).toBe(false);
      }
      const again = planSuppressions(all, now, NOW).outcomes;
      expect(again.every((outcome) => outcome === 'known')).toBe(true);
    }),
  );
});
