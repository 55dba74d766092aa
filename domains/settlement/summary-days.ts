import { isDate } from '../../core/calendar-date';
import { addDays } from '../merchants';
import { SettlementRefusal } from './refusals';

/** Most days that are summed up at once: a quarter. Every statement of those days is read. */
export const MAX_SUMMARY_DAYS = 92;

const USUAL_DAYS = 31;
/** Where the day of a business has another date than in UTC, it is at most this much later. */
const EASTERN_DAYS = 1;

/** Days from the one date to the other, both included. */
export interface DateRange {
  from: string;
  to: string;
}

/**
 * The days to sum up: by default the last 31; from a date on, or up to one, as many as may be.
 *
 * @throws SettlementRefusal `too-many-days`, and `no-days` when they end before they begin
 */
export function summaryDays(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  now: Date,
): DateRange {
  const latest = addDays(now.toISOString().slice(0, 10), EASTERN_DAYS);
  if (from === undefined && to === undefined) return { from: addDays(latest, 1 - USUAL_DAYS), to: latest };
  const days = {
    from: from ?? earlier(to ?? latest),
    to: to ?? later(from ?? latest),
  };
  if (days.to < days.from) throw new SettlementRefusal('no-days', 'lies before "from"', { field: ['to'] });
  if (days.from < addDays(days.to, 1 - MAX_SUMMARY_DAYS)) {
    const detail = `lies more than ${MAX_SUMMARY_DAYS} days before "to": sum up a quarter at a time`;
    throw new SettlementRefusal('too-many-days', detail, { field: ['from'] });
  }
  return days;
}

/** The calendar ends where dates no longer have four digits for the year. */
const [FIRST, LAST] = ['0001-01-01', '9999-12-31'];

function earlier(date: string): string {
  const from = addDays(date, 1 - MAX_SUMMARY_DAYS);
  return isDate(from) ? from : FIRST;
}

function later(date: string): string {
  const to = addDays(date, MAX_SUMMARY_DAYS - 1);
  return isDate(to) ? to : LAST;
}
