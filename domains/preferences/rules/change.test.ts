import fc from 'fast-check';
import { effectOf, type PreferenceWish } from './change';
import { type Choice, type ChoiceChange, placeKey } from './choices';
import { type DecisionFacts, decide } from './decide';

const place = fc.record({
  level: fc.constantFrom('category' as const, 'topic' as const),
  key: fc.constantFrom('news', 'orders'),
  channel: fc.constantFrom('*' as const, 'email' as const, 'sms' as const),
});
const choice: fc.Arbitrary<Choice> = fc.tuple(place, fc.boolean()).map(([where, value]) => ({ ...where, value }));
const changed: fc.Arbitrary<ChoiceChange> = fc
  .tuple(place, fc.constantFrom(true, false, null))
  .map(([where, value]) => ({ ...where, value }));
const current = fc.uniqueArray(choice, { selector: placeKey, maxLength: 8 });

function after(have: readonly Choice[], wish: PreferenceWish): Choice[] {
  const { store, remove } = effectOf(have, wish);
  const gone = new Set([...remove, ...store].map(placeKey));
  return [...have.filter((one) => !gone.has(placeKey(one))), ...store];
}

function set(choices: ChoiceChange[]): PreferenceWish {
  return { kind: 'set', choices, quietHours: undefined };
}

test('what was wished is so afterwards, and nothing else has changed', () => {
  fc.assert(
    fc.property(current, fc.array(changed, { maxLength: 6 }), (have, choices) => {
      const now = new Map(after(have, set(choices)).map((one) => [placeKey(one), one.value]));
      const wanted = new Map(choices.map((one) => [placeKey(one), one.value]));
      for (const [key, value] of wanted) expect(now.get(key) ?? null).toBe(value);
      for (const one of have) if (!wanted.has(placeKey(one))) expect(now.get(placeKey(one))).toBe(one.value);
      expect(effectOf(have, set(choices)).left).toBe(now.size);
    }),
  );
});

test('done again, a change changes nothing', () => {
  fc.assert(
    fc.property(current, fc.array(changed, { maxLength: 6 }), (have, choices) => {
      const { store, remove } = effectOf(after(have, set(choices)), set(choices));
      expect([...store, ...remove]).toEqual([]);
    }),
  );
});

const reset: PreferenceWish = { kind: 'reset', choices: [], quietHours: null };

function facts(preferences: readonly Choice[], reason: 'complaint' | 'bounce' | undefined): DecisionFacts {
  return {
    at: 0,
    channel: 'email',
    topic: undefined,
    category: { key: 'news', policy: 'opt_in' },
    version: 1,
    erased: false,
    destinations: 1,
    timeZone: undefined,
    quietHours: undefined,
    suppressions: reason === undefined ? [] : [{ id: 'sup_1', scope: '*', reason, expiresAt: null }],
    preferences: preferences.map((one, index) => ({ ...one, id: `prf_${index}` })),
  };
}

test('a reset is no consent: what was denied for an address stays denied, and so does what nobody opted in to', () => {
  fc.assert(
    fc.property(current, fc.constantFrom('complaint' as const, 'bounce' as const, undefined), (have, reason) => {
      const left = after(have, reset);
      expect(left).toEqual([]);
      expect(decide(facts(left, reason)).decision).toBe('deny');
    }),
  );
});
