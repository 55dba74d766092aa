import fc from 'fast-check';
import { CHANNELS } from './channels';
import { LEVELS, POLICIES, placeKey } from './choices';
import { type DecisionFacts, decide } from './decide';
import { type ActiveSuppression, REASONS } from './suppression';

const AT = Date.parse('2026-11-20T12:00:00Z');
const FACTS: DecisionFacts = {
  at: AT,
  channel: 'email',
  topic: 'weekly',
  category: { key: 'news', policy: 'opt_out' },
  version: 7,
  erased: false,
  destinations: 1,
  timeZone: 'Europe/Berlin',
  quietHours: undefined,
  suppressions: [],
  preferences: [],
};

const ids = fc.uuid();
const keys = fc.constantFrom('news', 'other', 'weekly', 'daily');
const suppression: fc.Arbitrary<ActiveSuppression> = fc.record({
  id: ids,
  scope: fc.oneof(fc.constant('*'), keys),
  reason: fc.constantFrom(...REASONS),
  expiresAt: fc.option(fc.integer({ min: -3, max: 3 }).map((seconds) => AT + seconds * 1_000)),
});
const choice = fc
  .record({
    id: ids,
    level: fc.constantFrom(...LEVELS),
    key: keys,
    channel: fc.constantFrom('*' as const, ...CHANNELS),
    value: fc.boolean(),
  })
  .map((made) => (made.level === 'global' ? { ...made, key: '' } : made));
const facts: fc.Arbitrary<DecisionFacts> = fc.record({
  at: fc.constant(AT),
  channel: fc.constantFrom(...CHANNELS),
  topic: fc.option(fc.constantFrom('weekly', 'daily'), { nil: undefined }),
  category: fc.option(fc.record({ key: fc.constant('news'), policy: fc.constantFrom(...POLICIES) }), {
    nil: undefined,
    freq: 20,
  }),
  version: fc.nat(),
  erased: fc.boolean(),
  destinations: fc.integer({ min: 0, max: 2 }),
  timeZone: fc.constantFrom(undefined, 'Africa/Cairo', 'America/Los_Angeles'),
  quietHours: fc.option(
    fc.record({
      start: fc.constantFrom('22:00', '09:00'),
      end: fc.constantFrom('07:00', '18:00'),
      channels: fc.option(fc.constantFrom(['sms' as const], ['email' as const, 'push' as const])),
    }),
    { nil: undefined },
  ),
  suppressions: fc.uniqueArray(suppression, { maxLength: 5, selector: ({ id }) => id }),
  preferences: fc.uniqueArray(choice, { maxLength: 8, selector: placeKey }),
});

test('it does not depend on the order of records', () => {
  fc.assert(
    fc.property(facts, fc.infiniteStream(fc.nat()), (given, numbers) => {
      const shuffled = <T>(items: readonly T[]) =>
        items
          .map((item) => ({ item, place: numbers.next().value }))
          .sort((a, b) => a.place - b.place)
          .map(({ item }) => item);
      const { suppressions, preferences } = given;
      const other = { ...given, suppressions: shuffled(suppressions), preferences: shuffled(preferences) };
      expect(decide(other)).toEqual(decide(given));
    }),
  );
});

test('nothing that is added to suppressions or opt-outs lets through what was not', () => {
  fc.assert(
    fc.property(facts, suppression, choice, (given, more, refused) => {
      const before = decide(given).decision;
      const suppressed = decide({ ...given, suppressions: [...given.suppressions, more] }).decision;
      const places = given.preferences.filter((known) => placeKey(known) !== placeKey(refused));
      const optedOut = decide({ ...given, preferences: [...places, { ...refused, value: false }] }).decision;
      for (const after of [suppressed, optedOut]) {
        if (before === 'deny') expect(after).toBe('deny');
        if (before === 'defer') expect(after).not.toBe('allow');
      }
    }),
    { numRuns: 2_000 },
  );
});

test('an opt-in lets nothing past an opt-out or a suppression', () => {
  fc.assert(
    fc.property(facts, choice, (given, wanted) => {
      const before = decide(given);
      fc.pre(before.decision === 'deny' && before.rule !== 'category-default');
      const known = given.preferences.some((other) => placeKey(other) === placeKey(wanted));
      fc.pre(!known);
      const after = decide({ ...given, preferences: [...given.preferences, { ...wanted, value: true }] });
      expect(after.decision).toBe('deny');
    }),
  );
});

test('taking back every choice is no consent after a complaint, nor for what needs an opt-in', () => {
  fc.assert(
    fc.property(facts, suppression, (given, complaint) => {
      const suppressions = [{ ...complaint, scope: '*', reason: 'complaint' as const, expiresAt: null }];
      expect(decide({ ...given, suppressions, preferences: [] }).decision).toBe('deny');
      const category = { key: 'news', policy: 'opt_in' as const };
      expect(decide({ ...given, category, preferences: [] }).decision).toBe('deny');
    }),
  );
});

test('a suppression counts up to the second that it expires at, and not from it on', () => {
  fc.assert(
    fc.property(fc.constantFrom(...REASONS), fc.integer({ min: 0, max: 1e6 }), (reason, seconds) => {
      const expiresAt = (Math.floor(AT / 1_000) + seconds) * 1_000;
      const suppressions = [{ id: 'a', scope: '*', reason, expiresAt }];
      expect(decide({ ...FACTS, suppressions, at: expiresAt - 1 }).decision).toBe('deny');
      expect(decide({ ...FACTS, suppressions, at: expiresAt }).decision).toBe('allow');
    }),
  );
});

const off = { id: 'off', level: 'category', key: 'news', channel: '*', value: false } as const;
const on = { id: 'on', level: 'topic', key: 'weekly', channel: 'email', value: true } as const;
const required = { key: 'news', policy: 'required' } as const;
const optIn = { key: 'news', policy: 'opt_in' } as const;
const asked: ActiveSuppression = { id: 's', scope: 'news', reason: 'user_request', expiresAt: null };
const bounce: ActiveSuppression = { id: 'b', scope: '*', reason: 'bounce', expiresAt: null };
const night = { start: '22:00', end: '07:00', channels: null };

test.each<[string, Partial<DecisionFacts>, object]>([
  ['nothing chosen', {}, { decision: 'allow', rule: 'category-default', level: 'category' }],
  ['erased', { erased: true, category: required }, { decision: 'deny', rule: 'erased' }],
  ['no such category', { category: undefined }, { decision: 'deny', rule: 'unknown-category' }],
  ['no address', { destinations: 0 }, { decision: 'deny', rule: 'no-destination' }],
  ['no address in the app', { destinations: 0, channel: 'in_app' }, { decision: 'allow' }],
  [
    'a bounce, although it is required',
    { category: required, suppressions: [asked, bounce] },
    { decision: 'deny', rule: 'suppressed', level: 'address', recordId: 'b', reason: 'bounce' },
  ],
  [
    'required, although they refuse it at night',
    { category: required, suppressions: [asked], preferences: [off], quietHours: { ...night, start: '08:00' } },
    { decision: 'allow', rule: 'required' },
  ],
  [
    'a request for the category',
    { suppressions: [asked], preferences: [on] },
    { decision: 'deny', rule: 'unsubscribed', recordId: 's' },
  ],
  ['a request for another category', { suppressions: [{ ...asked, scope: 'other' }] }, { decision: 'allow' }],
  [
    'a broader opt-out against a narrower opt-in',
    { preferences: [on, off] },
    { decision: 'deny', rule: 'opted-out', level: 'category', recordId: 'off' },
  ],
  ['an opt-in category', { category: optIn }, { decision: 'deny', rule: 'category-default' }],
  [
    'an opt-in category, and an opt-in to a topic',
    { category: optIn, preferences: [on] },
    { decision: 'allow', rule: 'opted-in', level: 'topic+channel', recordId: 'on' },
  ],
  [
    'an opt-in category, and an opt-in to everything',
    { category: optIn, preferences: [{ ...on, level: 'global', key: '' }] },
    { decision: 'deny', rule: 'category-default' },
  ],
  ['an opt-in by another channel', { category: optIn, preferences: [{ ...on, channel: 'sms' }] }, { decision: 'deny' }],
  [
    'quiet hours of the time zone',
    { at: Date.parse('2026-11-20T21:30:00Z'), quietHours: night },
    { decision: 'defer', rule: 'quiet-hours', until: Date.parse('2026-11-21T06:00:00Z') },
  ],
  [
    'quiet hours of other channels',
    { at: Date.parse('2026-11-20T21:30:00Z'), quietHours: { ...night, channels: ['sms'] } },
    { decision: 'allow' },
  ],
])('%s', (_name, given, expected) => {
  expect(decide({ ...FACTS, ...given })).toMatchObject({ version: 7, ...expected });
});
