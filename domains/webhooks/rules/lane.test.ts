import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import { tz } from 'moment-timezone';
import { dateIn, LANES, type Lane, type LaneRules, laneOf, lanesOf, TIERS, type Tier } from './lane';

const NOON = Date.parse('2026-11-28T12:00:00Z');
const SATURDAY = 6;

const rulesOf = (rules: Partial<LaneRules> = {}): LaneRules => ({
  timeZone: 'UTC',
  weekdays: [],
  eventTypes: {},
  ...rules,
});

/** Zones whose clocks change, lead, or lag as far as any. */
const ZONES = ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Pacific/Apia', 'Europe/Berlin', 'America/St_Johns']
  .concat(['Africa/Cairo', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Asia/Kolkata'])
  .filter((name) => tz.zone(name) !== null);

const zone = fc.constantFrom(...ZONES);
const moment = fc.integer({ min: Date.parse('2000-01-01T00:00:00Z'), max: Date.parse('2036-12-31T00:00:00Z') });
const lane = fc.constantFrom(...LANES);
const tier = fc.constantFrom(...TIERS);
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });

/** What Node's own clocks say, which go by another database of zones. */
function localDay(timeZone: string, at: number) {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
}

test('a message is about today on the calendar of its tenant, wherever that is', () => {
  fc.assert(
    fc.property(zone, moment, fc.integer({ min: -2, max: 2 }), (timeZone, acceptedAt, away) => {
      const today = localDay(timeZone, acceptedAt);
      const eventDate = today.add({ days: away }).toString();
      const message = { eventType: 'a', eventDate, acceptedAt };
      expect(laneOf(message, rulesOf({ timeZone }), 'bulk')).toBe(away === 0 ? 'urgent' : 'bulk');
      expect(dateIn(timeZone, acceptedAt)).toBe(today.toString());
    }),
  );
});

test('a weekday that matters is one on the calendar of its tenant', () => {
  fc.assert(
    fc.property(zone, moment, fc.integer({ min: 1, max: 7 }), (timeZone, acceptedAt, weekday) => {
      const rules = rulesOf({ timeZone, weekdays: [weekday] });
      const matters = localDay(timeZone, acceptedAt).dayOfWeek === weekday;
      expect(laneOf({ eventType: 'a', acceptedAt }, rules, 'standard')).toBe(matters ? 'urgent' : 'normal');
    }),
  );
});

test('days begin and end with the clocks of the zone, also when these change, and on both sides of the date line', () => {
  const about = (eventDate: string, timeZone: string, at: string) =>
    laneOf({ eventType: 'a', eventDate, acceptedAt: Date.parse(at) }, rulesOf({ timeZone }), 'standard');
  // At the same moment it is Saturday in Kiritimati and Thursday's successor has just begun in Pago Pago.
  expect(about('2026-11-28', 'Pacific/Kiritimati', '2026-11-27T10:00:00Z')).toBe('urgent');
  expect(about('2026-11-28', 'Pacific/Kiritimati', '2026-11-27T09:59:59.999Z')).toBe('normal');
  expect(about('2026-11-26', 'Pacific/Pago_Pago', '2026-11-27T10:59:59.999Z')).toBe('urgent');
  expect(about('2026-11-27', 'Pacific/Pago_Pago', '2026-11-27T11:00:00Z')).toBe('urgent');
  // The day on which clocks go back in Berlin has 25 hours.
  expect(about('2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00Z')).toBe('urgent');
  expect(about('2026-10-25', 'Europe/Berlin', '2026-10-25T22:59:59.999Z')).toBe('urgent');
  expect(about('2026-10-25', 'Europe/Berlin', '2026-10-25T23:00:00Z')).toBe('normal');
  // And the one on which they go forward 23.
  expect(about('2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00Z')).toBe('urgent');
  expect(about('2026-03-29', 'Europe/Berlin', '2026-03-29T22:00:00Z')).toBe('normal');
  // Samoa had no 30 December 2011.
  expect(about('2011-12-29', 'Pacific/Apia', '2011-12-30T09:59:59Z')).toBe('urgent');
  expect(about('2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00Z')).toBe('urgent');
});

test('of what is said the first of the order decides', () => {
  const arbitrary = fc.record({
    priority: maybe(lane),
    eventDate: maybe(fc.constantFrom('2026-11-28', '2026-11-29')),
    ofType: maybe(lane),
    weekdays: fc.constantFrom([], [SATURDAY]),
    tier,
  });
  fc.assert(
    fc.property(arbitrary, ({ priority, eventDate, ofType, weekdays, tier }) => {
      const rules = rulesOf({ weekdays, eventTypes: ofType === undefined ? {} : { 'a.b': ofType } });
      const message = { eventType: 'a.b', priority, eventDate, acceptedAt: NOON };
      const said: (Lane | undefined)[] = [
        priority,
        eventDate === '2026-11-28' ? 'urgent' : undefined,
        ofType,
        eventDate === undefined && weekdays.length > 0 && tier !== 'bulk' ? 'urgent' : undefined,
      ];
      const byTier: Record<Tier, Lane> = { premium: 'urgent', standard: 'normal', bulk: 'bulk' };
      expect(laneOf(message, rules, tier)).toBe(said.find((one) => one !== undefined) ?? byTier[tier]);
      const lanes = lanesOf(message, rules);
      expect(LANES[lanes?.[TIERS.indexOf(tier)] ?? TIERS.indexOf(tier)]).toBe(laneOf(message, rules, tier));
    }),
  );
});

test('a tenant of whom nothing is known goes by UTC, and so does a zone that nobody knows', () => {
  const message = { eventType: 'toString', eventDate: '2026-11-28', acceptedAt: NOON };
  expect(laneOf(message, undefined, 'standard')).toBe('urgent');
  expect(laneOf(message, rulesOf({ timeZone: 'Mars/Olympus' }), 'standard')).toBe('urgent');
  expect(laneOf({ ...message, eventDate: undefined }, rulesOf(), 'standard')).toBe('normal');
});
