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
  return { date, start: new Date(cutoffOf(addDays(date, -1), rule)), end: new Date(cutoffOf(date, rule)) };
}

/** The date of the business day that a moment belongs to. @throws UnknownTimeZone */
export function businessDateAt(moment: Date, rule: BusinessDayRule): string {
  const now = moment.getTime();
  let date = new Date(now + zoneRules(rule.timeZone).aheadAt(now)).toISOString().slice(0, 10);
  // The date that clocks show is a guess: a cut-off that they leave out just before midnight (Nuuk, 23:59 on 28 March
  // 2026) is after it.
  while (cutoffOf(addDays(date, -1), rule) > now) date = addDays(date, -1);
  while (cutoffOf(date, rule) <= now) date = addDays(date, 1);
  return date;
}

/** The last business day that is over at a moment. @throws UnknownTimeZone */
export function lastClosedDate(now: Date, rule: BusinessDayRule): string {
  return addDays(businessDateAt(now, rule), -1);
}

/** A date some days later, or earlier. @throws RangeError when the date does not exist */
export function addDays(date: string, days: number): string {
  return new Date(midnightOf(date) + days * DAY_MS).toISOString().slice(0, 10);
}

/** As if the date were in UTC. */
function midnightOf(date: string): number {
  if (!isDate(date)) throw new RangeError(`there is no date ${date}`);
  return Date.parse(`${date}T00:00:00Z`);
}

function cutoffOf(date: string, { timeZone, cutoff }: BusinessDayRule): number {
  const [hours, minutes] = cutoff.split(':').map(Number);
  const local = midnightOf(date) + ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000;
  return zoneRules(timeZone).momentOf(local);
}
