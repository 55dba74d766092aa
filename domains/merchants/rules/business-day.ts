import { Temporal } from '@js-temporal/polyfill';

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
 * long after midnight as it otherwise would.
 *
 * @param date - `YYYY-MM-DD`
 * @throws RangeError when the date does not exist
 */
export function businessDay(date: string, rule: BusinessDayRule): BusinessDay {
  const day = plainDate(date);
  return { date, start: cutoffOf(day.subtract({ days: 1 }), rule), end: cutoffOf(day, rule) };
}

/** The date of the business day that a moment belongs to. */
export function businessDateAt(moment: Date, rule: BusinessDayRule): string {
  const local = Temporal.Instant.fromEpochMilliseconds(moment.getTime())
    .toZonedDateTimeISO(rule.timeZone)
    .toPlainDate();
  const closed = cutoffOf(local, rule).getTime() <= moment.getTime();
  return (closed ? local.add({ days: 1 }) : local).toString();
}

/** The last business day that is over at a moment. */
export function lastClosedDate(now: Date, rule: BusinessDayRule): string {
  return addDays(businessDateAt(now, rule), -1);
}

/**
 * When the clocks show the cut-off of a date for the last time. It is the day's end, except where the time comes twice:
 * a Schedule, which goes by the clocks, may fire at either.
 */
export function lastCutoff(date: string, { timeZone, cutoff }: BusinessDayRule): Date {
  const local = plainDate(date).toPlainDateTime(Temporal.PlainTime.from(cutoff));
  return new Date(local.toZonedDateTime(timeZone, { disambiguation: 'later' }).epochMilliseconds);
}

/** A date some days later, or earlier. */
export function addDays(date: string, days: number): string {
  return plainDate(date).add({ days }).toString();
}

function plainDate(date: string): Temporal.PlainDate {
  return Temporal.PlainDate.from(date, { overflow: 'reject' });
}

function cutoffOf(day: Temporal.PlainDate, { timeZone, cutoff }: BusinessDayRule): Date {
  const plainTime = Temporal.PlainTime.from(cutoff);
  return new Date(day.toZonedDateTime({ timeZone, plainTime }).epochMilliseconds);
}
