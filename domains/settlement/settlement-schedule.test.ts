import { tz } from 'moment-timezone';
import { zoneRules } from '../../core/zone-rules';
import { addDays, type BusinessDayRule, businessDay, lastClosedDate } from '../merchants/rules/business-day';
import { conditionOf, settlementSchedule } from './settlement-schedule';

const config = { WAYBILL_TASK_QUEUE: 'waybill' };
const MINUTE = 60_000;
const DAY = 86_400_000;
const MONTHS = 'JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER'.split(' ');

type Schedule = ReturnType<typeof settlementSchedule>;

/** When a server that knows no time zone but UTC, and calendars by the letter, fires after a moment. */
function firesOf({ spec }: Schedule, after: number): number[] {
  expect(spec.timezone).toBe('UTC');
  return (spec.calendars ?? [])
    .flatMap(({ year, month, dayOfMonth, hour, minute, second }) =>
      (dayOfMonth as number[]).map((day) =>
        Date.UTC(Number(year), MONTHS.indexOf(String(month)), day, Number(hour), Number(minute), Number(second)),
      ),
    )
    .filter((moment) => moment > after)
    .sort((one, other) => one - other);
}

interface Settled {
  date: string;
  at: number;
}

/**
 * Years of a business on a simulated clock: its Schedule fires, the launcher takes what is over, and every 2 weeks somebody
 * looks whether the Schedule is in order.
 */
function simulate(rule: BusinessDayRule, from: number, to: number): { settled: Settled[]; updates: number } {
  const times = { tenantId: 'ten_1', ...rule };
  let schedule = settlementSchedule(times, config, new Date(from));
  let fires = firesOf(schedule, from);
  let next = addDays(lastClosedDate(new Date(from), rule), 1);
  let updates = 0;
  const settled: Settled[] = [];
  for (let now = from; now < to; now += 14 * DAY) {
    const note = schedule.state?.note;
    const listed = { paused: false, note, next: fires.slice(0, 5).map((moment) => new Date(moment)) };
    if (conditionOf(listed, times, { config, now: new Date(now) }) !== 'right') {
      schedule = settlementSchedule(times, config, new Date(now));
      fires = firesOf(schedule, now);
      updates++;
    }
    for (let at = fires[0]; at !== undefined && at <= now + 14 * DAY; at = fires[0]) {
      fires.shift();
      for (const closed = lastClosedDate(new Date(at), rule); next <= closed; next = addDays(next, 1)) {
        settled.push({ date: next, at });
      }
    }
  }
  return { settled, updates };
}

/** Whether clocks show the cut-off at a moment, for the first time that day; or leave it out, and have just changed. */
function isEndOf(date: string, { timeZone, cutoff }: BusinessDayRule, at: number): boolean {
  const { aheadAt } = zoneRules(timeZone);
  const shown = (moment: number) => Math.floor((moment + aheadAt(moment)) / MINUTE);
  const wanted = Date.parse(`${date}T${cutoff}Z`) / MINUTE;
  const hours = [-3, -2, -1, -0.5, 0.5, 1, 2, 3].map((hour) => at + hour * 60 * MINUTE);
  if (shown(at) === wanted) return hours.every((moment) => moment > at || shown(moment) !== wanted);
  return [at, ...hours].every((moment) => shown(moment) !== wanted) && aheadAt(at - 3 * 60 * MINUTE) !== aheadAt(at);
}

const FROM = Date.parse('2026-01-01T12:34:56Z');
const TO = Date.parse('2029-01-01T12:34:56Z');

/** One zone for each way in which clocks go in the years that are simulated; the others are called otherwise, and go the same. */
function zonesThatDiffer(by: 'moments' | 'local times'): string[] {
  const since = FROM - 30 * DAY;
  // A Schedule looks two months ahead.
  const until = TO + 90 * DAY;
  const byClock = new Map<string, string>();
  for (const name of tz.names()) {
    const { aheadAt } = zoneRules(name);
    const changes = (tz.zone(name)?.untils ?? [])
      .filter((change) => change > since && change < until)
      .map((change) => ({ change, before: aheadAt(change - 1), ahead: aheadAt(change) }));
    const clock =
      by === 'moments'
        ? [aheadAt(since), ...changes]
        : changes.map(({ change, before, ahead }) => [change + before, ahead - before]);
    byClock.set(JSON.stringify(clock), name);
  }
  return [...byClock.values()];
}

test.each([
  ['23:59', 'moments'],
  ['00:30', 'local times'],
  ['02:15', 'local times'],
] as const)(
  'I17: on a simulated clock each day from 2026 to 2028 is settled once, at its end, in every zone: cut-off %s',
  (cutoff, by) => {
    for (const timeZone of zonesThatDiffer(by)) {
      const rule = { timeZone, cutoff };
      const { settled, updates } = simulate(rule, FROM, TO);
      let date = addDays(lastClosedDate(new Date(FROM), rule), 1);
      for (const day of settled) {
        const late = day.at - businessDay(date, rule).end.getTime();
        if (day.date !== date || late < 0 || late >= MINUTE || !isEndOf(date, rule, day.at)) {
          throw new Error(`${timeZone} ${date}: ${day.date} was settled at ${new Date(day.at).toISOString()}`);
        }
        date = addDays(date, 1);
      }
      expect(settled.length).toBeGreaterThanOrEqual(1096);
      // Only because the moments run out.
      expect(updates).toBeLessThan(50);
    }
  },
  120_000,
);

describe('a Schedule is put right', () => {
  const times = { tenantId: 'ten_1', timeZone: 'Africa/Cairo', cutoff: '23:59' };
  const now = new Date('2026-11-01T12:00:00Z');
  const end = new Date('2026-11-01T21:59:00Z');
  const note = settlementSchedule(times, config, now).state?.note;
  const listed = { paused: false, note, next: [end] };
  const check = (given: Parameters<typeof conditionOf>[0], of = times, at = now) =>
    conditionOf(given, of, { config, now: at });

  test('only when there is a reason to', () => {
    expect(note).toMatch(
      /^ends of days at 23:59 in Africa\/Cairo, by the zone rules 20\d\d[a-z] \[\w{8}], until 2026-12-30$/,
    );
    expect(check(listed)).toBe('right');
    // The list is a little behind: it has just fired.
    const next = [end, new Date('2026-11-02T21:59:00Z')];
    expect(check({ ...listed, next }, times, new Date(end.getTime() + 1))).toBe('right');
    expect(check({ paused: true, note: 'paused by hand', next: [] })).toBe('right');
  });

  test.each([
    ['when there is none', undefined],
    ['when somebody has changed when it fires', { ...listed, next: [end, new Date('2026-11-02T22:59:00Z')] }],
    ['when it does not fire any more', { ...listed, next: [] }],
  ])('%s', (_, given) => {
    expect(check(given)).toBe('wrong');
  });

  test('when the business has another cut-off or zone', () => {
    expect(check(listed, { ...times, cutoff: '23:58' })).toBe('wrong');
    expect(check(listed, { ...times, timeZone: 'Europe/Riga' })).toBe('old');
    expect(check(listed, { ...times, timeZone: 'Europe/London' })).toBe('wrong');
  });

  test('at leisure, when it was made by other code or rules, or its moments run out, but it still fires as it should', () => {
    expect(check({ ...listed, note: undefined })).toBe('old');
    expect(check({ ...listed, note: note?.replace(/20\d\d[a-z]/, '2025a') })).toBe('old');
    expect(conditionOf(listed, times, { config: { WAYBILL_TASK_QUEUE: 'other' }, now })).toBe('old');
    const later = new Date('2026-12-02T12:00:00Z');
    expect(check({ ...listed, next: [new Date('2026-12-02T21:59:00Z')] }, times, later)).toBe('old');
  });
});
