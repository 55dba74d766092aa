import { tz } from 'moment-timezone';
import { timeZoneName } from './time-zone';
import { UnknownTimeZone, ZONE_RULES_VERSION, zoneRules } from './zone-rules';

/** Those that an older Node knows too. */
const NAMES = tz.names().filter((name) => timeZoneName(name) === name);

const iso = (zone: string, local: string) => new Date(zoneRules(zone).momentOf(Date.parse(`${local}Z`))).toISOString();

// The clocks of these places at https://www.iana.org/time-zones.
test.each([
  ['Asia/Riyadh', '2026-10-29T23:59', '2026-10-29T20:59:00.000Z'],
  // It comes twice: the first counts.
  ['Africa/Cairo', '2026-10-29T23:59', '2026-10-29T20:59:00.000Z'],
  ['Africa/Cairo', '2026-10-30T00:00', '2026-10-29T22:00:00.000Z'],
  // It is left out: half an hour after the change.
  ['Africa/Cairo', '2026-04-24T00:30', '2026-04-23T22:30:00.000Z'],
  ['Africa/Cairo', '2026-04-24T01:00', '2026-04-23T22:00:00.000Z'],
  ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:45:00.000Z'],
  // Changed by law in 2026, months after Node 20 was built.
  ['America/Vancouver', '2026-12-01T23:59', '2026-12-02T06:59:00.000Z'],
  ['America/Edmonton', '2026-12-01T23:59', '2026-12-02T05:59:00.000Z'],
  ['Africa/Casablanca', '2026-12-01T23:59', '2026-12-01T23:59:00.000Z'],
])('in %s clocks show %s at %s', (zone, local, moment) => {
  expect(iso(zone, local)).toBe(moment);
});

test.each(['US/Pacific-New', 'africa/cairo', 'Nowhere/Land', ''])('there is no zone %p', (name) => {
  expect(() => zoneRules(name)).toThrow(UnknownTimeZone);
});

/**
 * Zones whose law changed after the release that a supported Node may bring along (2024b or later); Node's answers may
 * differ in these, from the year on that stands with them. A release that changes more fails here, and names them.
 */
const CHANGED_SINCE: Readonly<Record<string, string>> = {
  // What was found out in 2026 about the hour at which clocks change there.
  'Europe/Chisinau': '2022',
  'Europe/Tiraspol': '2022',
  'America/Asuncion': '2025',
  'Africa/Casablanca': '2026',
  'Africa/El_Aaiun': '2026',
  'America/Edmonton': '2026',
  'America/Havana': '2026',
  'America/Inuvik': '2026',
  'America/Rainy_River': '2026',
  'America/Vancouver': '2026',
  'America/Winnipeg': '2026',
  'America/Yellowknife': '2026',
  'Canada/Central': '2026',
  'Canada/Mountain': '2026',
  'Canada/Pacific': '2026',
  Cuba: '2026',
};

/** How far clocks are ahead of UTC according to Node itself, in milliseconds. */
function clockOf(timeZone: string): (moment: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return (moment) => {
    const text = format.format(moment).split('GMT')[1] ?? '';
    const [, sign, hours, minutes, seconds] = /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? [];
    const ahead = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0);
    return (sign === '-' ? -ahead : ahead) * 1_000;
  };
}

/** Nearer years are compared week by week. */
const DENSE_UNTIL = Date.parse('2029-01-01T00:00:00Z');

test('a second source, Node itself, says the same of every zone from 2024 to 2040, but for laws that are newer', () => {
  expect(ZONE_RULES_VERSION >= '2026f').toBe(true);
  const week = 7 * 86_400_000;
  const unlike: string[] = [];
  for (const name of NAMES) {
    const { aheadAt } = zoneRules(name);
    const clock = clockOf(name);
    const until = Date.parse(`${CHANGED_SINCE[name] ?? '2041'}-01-01T00:00:00Z`);
    for (
      let moment = Date.parse('2024-01-01T12:00:00Z');
      moment < until;
      moment += moment < DENSE_UNTIL ? week : 7 * week
    ) {
      if (aheadAt(moment) === clock(moment)) continue;
      unlike.push(`${name} ${new Date(moment).toISOString()}`);
      break;
    }
  }
  expect(unlike).toEqual([]);
}, 120_000);

test('each change of clocks is where Node says that it is, to the second', () => {
  const [from, to] = [Date.parse('2024-01-01T00:00:00Z'), Date.parse('2026-01-01T00:00:00Z')];
  for (const name of NAMES) {
    const clock = clockOf(name);
    const { aheadAt } = zoneRules(name);
    for (const until of tz.zone(name)?.untils ?? []) {
      if (until < from || until >= to || name in CHANGED_SINCE) continue;
      expect([name, clock(until - 1_000), clock(until)]).toEqual([name, aheadAt(until - 1_000), aheadAt(until)]);
    }
  }
});
