import fc from 'fast-check';
import { addDays, type BusinessDayRule, businessDateAt, businessDay, isDate, lastClosedDate } from './business-day';

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

test('a cut-off that the day does not have is as long after midnight as it would have been', () => {
  expect(day('2026-04-24', at('Africa/Cairo', '00:30')).end).toBe('2026-04-23T22:30:00.000Z');
});

test('a moment at the cut-off belongs to the day that begins', () => {
  const cairo = at('Africa/Cairo');
  const { end } = businessDay('2026-10-29', cairo);
  expect(businessDateAt(new Date(end.getTime() - 1), cairo)).toBe('2026-10-29');
  expect(businessDateAt(end, cairo)).toBe('2026-10-30');
  expect(lastClosedDate(new Date(end.getTime() - 1), cairo)).toBe('2026-10-28');
  expect(lastClosedDate(end, cairo)).toBe('2026-10-29');
});

test('only dates that exist are dates', () => {
  expect(['2026-10-29', '2024-02-29'].every(isDate)).toBe(true);
  expect(['2026-02-29', '2026-13-01', '2026-1-1', '20261029', '2026-10-29T00:00', ''].some(isDate)).toBe(false);
});

const ZONES = Intl.supportedValuesOf('timeZone');

test('days tile the time in every zone of the world from 2020 to 2040, without gap or overlap', () => {
  for (const timeZone of ZONES) {
    const rule = at(timeZone);
    let before = businessDay('2019-12-31', rule);
    // Antarctica/Casey has changed its clocks by three hours. Every week, and every day of the weeks around the changes of the clocks, which are where the length differs.
    for (let date = '2020-01-01'; date < '2041-01-01'; date = addDays(date, 7)) {
      const week = businessDay(addDays(date, 6), rule).end.getTime() - before.end.getTime();
      const regular = week === 7 * 24 * HOUR;
      for (const offset of regular ? [6] : [0, 1, 2, 3, 4, 5, 6]) {
        const current = businessDay(addDays(date, offset), rule);
        const hours = (current.end.getTime() - current.start.getTime()) / HOUR;
        if (hours < 21 || hours > 27) throw new Error(`${timeZone} ${current.date} has ${hours} hours`);
        if (!regular && current.start.getTime() !== before.end.getTime())
          throw new Error(`${timeZone} ${current.date}`);
        before = current;
      }
    }
  }
}, 120_000);

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
