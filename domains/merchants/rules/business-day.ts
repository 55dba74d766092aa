import { isDate } from '../../../core/calendar-date';
import { zoneRules } from '../../../core/zone-rules';

const DAY_MS = 86_400_000;

/** Where a business's day ends. */
export interface BusinessDayRule {
  /** IANA name, such as `Africa/Cairo`. */
  timeZone: string;
  /** Local time of the cut-off, `HH:MM`. */
  cutoff: string;
}

/** A business day: from `start` up to, but not including, `end`. */
export interface BusinessDay {
  /** `YYYY-MM-DD`, the local date on which the day ends. */
  date: string;
  start: Date;
  end: Date;
}

/**
 * The business day of a date. It begins when the day before ends, so days have no gap and no overlap, whatever the
 * clocks do. If a local day has the cut-off twice, the earlier one counts; if it skips the cut-off, the day ends as
 * long after the change of clocks as it otherwise would.
 *
 * @param date - `YYYY-MM-DD`
 * @throws RangeError when the date does not exist
 * @throws UnknownTimeZone
 */
export function businessDay(date: string, rule: BusinessDayRule): BusinessDay {
  const day = dayOf(date);
  return { date, start: new Date(endOf(day - DAY_MS, rule)), end: new Date(endOf(day, rule)) };
}

/** The date of the business day that a moment belongs to. @throws UnknownTimeZone */
export function businessDateAt(moment: Date, rule: BusinessDayRule): string {
  return dateOf(dayAt(moment, rule));
}

/** The last business day that is over at a moment. @throws UnknownTimeZone */
export function lastClosedDate(now: Date, rule: BusinessDayRule): string {
  return dateOf(dayAt(now, rule) - DAY_MS);
}

/** A date some days later, or earlier. @throws RangeError when the date does not exist */
export function addDays(date: string, days: number): string {
  return dateOf(dayOf(date) + days * DAY_MS);
}

/** A date as its midnight in UTC. */
function dayOf(date: string): number {
  if (!isDate(date)) throw new RangeError(`there is no date ${date}`);
  return Date.parse(`${date}T00:00:00Z`);
}

function dateOf(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

function dayAt(moment: Date, rule: BusinessDayRule): number {
  const now = moment.getTime();
  let day = Math.floor((now + zoneRules(rule.timeZone).aheadAt(now)) / DAY_MS) * DAY_MS;
  // The date that clocks show is a guess: a cut-off that they leave out just before midnight (Nuuk, 23:59 on 28 March
  // 2026) is after it.
  while (endOf(day - DAY_MS, rule) > now) day -= DAY_MS;
  while (endOf(day, rule) <= now) day += DAY_MS;
  return day;
}

function endOf(day: number, { timeZone, cutoff }: BusinessDayRule): number {
  const [hours, minutes] = cutoff.split(':').map(Number);
  return zoneRules(timeZone).momentOf(day + ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000);
}
