import fc from 'fast-check';
import { tz } from 'moment-timezone';
import { zoneRules } from '../../../core/zone-rules';
import { addDays, type BusinessDayRule, businessDateAt, businessDay, lastClosedDate } from './business-day';

const HOUR = 3_600_000;
const at = (timeZone: string, cutoff = '23:59'): BusinessDayRule => ({ timeZone, cutoff });
const day = (date: string, rule: BusinessDayRule) => {
  const { start, end } = businessDay(date, rule);
  return { start: start.toISOString(), end: end.toISOString(), hours: (end.getTime() - start.getTime()) / HOUR };
};

// The clocks of these places at https://www.iana.org/time-zones.
test.each([
  // 23:59 comes twice; the first one counts, so the extra hour belongs to the next day.
  ['Africa/Cairo', '2026-10-29', '2026-10-28T20:59:00.000Z', '2026-10-29T20:59:00.000Z', 24],
  ['Africa/Cairo', '2026-10-30', '2026-10-29T20:59:00.000Z', '2026-10-30T21:59:00.000Z', 25],
  ['Asia/Beirut', '2026-10-24', '2026-10-23T20:59:00.000Z', '2026-10-24T20:59:00.000Z', 24],
  ['Asia/Beirut', '2026-10-25', '2026-10-24T20:59:00.000Z', '2026-10-25T21:59:00.000Z', 25],
  // There is no midnight: the day has 23 hours.
  ['Africa/Cairo', '2026-04-24', '2026-04-23T21:59:00.000Z', '2026-04-24T20:59:00.000Z', 23],
  ['America/Santiago', '2026-09-06', '2026-09-06T03:59:00.000Z', '2026-09-07T02:59:00.000Z', 23],
  // Nothing ever happens here.
  ['Asia/Riyadh', '2026-10-29', '2026-10-28T20:59:00.000Z', '2026-10-29T20:59:00.000Z', 24],
])('%s %s', (timeZone, date, start, end, hours) => {
  expect(day(date, at(timeZone))).toEqual({ start, end, hours });
});

test('a cut-off that the day does not have is as long after the change as it would have been', () => {
  expect(day('2026-04-24', at('Africa/Cairo', '00:30')).end).toBe('2026-04-23T22:30:00.000Z');
});

test('a cut-off that is left out just before midnight ends its own day, though clocks show the next date', () => {
  const nuuk = at('America/Nuuk');
  const { end } = businessDay('2026-03-28', nuuk);
  expect(end.toISOString()).toBe('2026-03-29T01:59:00.000Z');
  expect(businessDateAt(new Date(end.getTime() - 1), nuuk)).toBe('2026-03-28');
  expect(lastClosedDate(new Date('2026-03-29T01:30:00Z'), nuuk)).toBe('2026-03-27');
});

test('a moment at the cut-off belongs to the day that begins', () => {
  const cairo = at('Africa/Cairo');
  const { end } = businessDay('2026-10-29', cairo);
  expect(businessDateAt(new Date(end.getTime() - 1), cairo)).toBe('2026-10-29');
  expect(businessDateAt(end, cairo)).toBe('2026-10-30');
  expect(lastClosedDate(new Date(end.getTime() - 1), cairo)).toBe('2026-10-28');
  expect(lastClosedDate(end, cairo)).toBe('2026-10-29');
});

const ZONES = Intl.supportedValuesOf('timeZone');

/** One zone for each way in which clocks go since 2020; the others are called otherwise, and go the same. */
function zonesThatDiffer(): string[] {
  const since = Date.parse('2020-01-01T00:00:00Z');
  const byClock = ZONES.map((name): [string, string] => {
    const { untils = [], offsets = [] } = tz.zone(name) ?? {};
    const first = untils.findIndex((until) => until > since);
    return [JSON.stringify([untils.slice(first), offsets.slice(first)]), name];
  });
  return [...new Map(byClock).values()];
}

const WEEK = 7 * 24 * HOUR;
/** How many quiet weeks are skipped before a day of one is checked. */
const QUIET_WEEKS = 26;

test('I11: days tile the time in every zone of the world from 2020 to 2040, without gap or overlap', () => {
  for (const timeZone of zonesThatDiffer()) {
    const rule = at(timeZone);
    const clock = zoneRules(timeZone).aheadAt;
    const check = (date: string) => {
      const { start, end } = businessDay(date, rule);
      const hours = (end.getTime() - start.getTime()) / HOUR;
      // Antarctica/Casey has changed its clocks by three hours.
      if (hours < 21 || hours > 27) throw new Error(`${timeZone} ${date} has ${hours} hours`);
      return { start: start.getTime(), end: end.getTime() };
    };
    /** Where clocks change, every day. */
    const checkWeek = (date: string) => {
      let before = check(date);
      for (let day = 1; day <= 7; day++) {
        const next = check(addDays(date, day));
        if (next.start !== before.end) throw new Error(`${timeZone} ${date}: a gap or overlap`);
        before = next;
      }
    };
    let quiet = 0;
    for (let noon = Date.parse('2020-01-01T12:00:00Z'); noon < Date.parse('2041-01-01'); noon += WEEK) {
      const date = new Date(noon).toISOString().slice(0, 10);
      const ahead = clock(noon - 24 * HOUR);
      // Where they do not change, the end of a day is plain arithmetic.
      if (clock(noon + WEEK + 24 * HOUR) !== ahead) checkWeek(date);
      else if (quiet++ % QUIET_WEEKS === 0 && check(date).end !== Date.parse(`${date}T23:59:00Z`) - ahead) {
        throw new Error(`${timeZone} ${date} ends at another time than 23:59`);
      }
    }
  }
});

test('every moment lies in the day that it is said to belong to', () => {
  const moments = fc.date({ min: new Date('2020-01-01'), max: new Date('2040-12-31'), noInvalidDate: true });
  const cutoffs = fc.constantFrom('23:59', '00:00', '00:30', '02:30', '12:00', '18:00');
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), cutoffs, moments, (timeZone, cutoff, moment) => {
      const rule = at(timeZone, cutoff);
      const { start, end } = businessDay(businessDateAt(moment, rule), rule);
      expect(start.getTime()).toBeLessThanOrEqual(moment.getTime());
      expect(end.getTime()).toBeGreaterThan(moment.getTime());
    }),
    { numRuns: 500 },
  );
});
