import type { CalendarSpec } from '@temporalio/client';

const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;

/** Calendars in UTC that match these moments, to the second, and no others: one for each month and time of day. */
export function calendarsOf(moments: readonly Date[]): CalendarSpec[] {
  const byTime = new Map<string, CalendarSpec & { dayOfMonth: number[] }>();
  for (const moment of moments) {
    // `2026-10-29T20:59:00`, without the day.
    const key = moment.toISOString().replace(/-\d\dT(.{8}).*/, 'T$1');
    const calendar = byTime.get(key) ?? {
      year: moment.getUTCFullYear(),
      month: MONTHS[moment.getUTCMonth()],
      dayOfMonth: [],
      hour: moment.getUTCHours(),
      minute: moment.getUTCMinutes(),
      second: moment.getUTCSeconds(),
    };
    calendar.dayOfMonth.push(moment.getUTCDate());
    byTime.set(key, calendar);
  }
  return [...byTime.values()];
}
