import { zoneRules } from '../../../core/zone-rules';
import type { Channel } from './channels';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** When somebody is not to be disturbed, by the clocks of their time zone. */
export interface QuietHours {
  /** `HH:MM`, the first minute. */
  start: string;
  /** `HH:MM`, the first minute after them; before `start` for hours across midnight. The same as it: never. */
  end: string;
  /** Where they count; null for everywhere. */
  channels: readonly Channel[] | null;
}

export const CLOCK_TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

/**
 * The moment that quiet hours end, if it is quiet.
 *
 * Quiet is what clocks say: an hour that they show twice is quiet twice, and one that they leave out is not waited for.
 *
 * @param at - milliseconds since the epoch
 * @param timeZone - an IANA name; one that nobody knows any more is taken for UTC
 * @returns the first moment after `at`, in milliseconds, at which it is not quiet; `undefined` when it is not quiet now
 */
export function quietUntil(at: number, quiet: QuietHours, timeZone: string): number | undefined {
  const aheadAt = clocksOf(timeZone);
  const isQuiet = (moment: number) => contains(quiet, minuteOf(moment + aheadAt(moment)));
  if (!isQuiet(at)) return undefined;
  const here = minuteOf(at + aheadAt(at));
  const left = (minutesOf(quiet.end) - here + DAY_MINUTES) % DAY_MINUTES;
  const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const end = minute + left * MINUTE_MS;
  if (aheadAt(at) === aheadAt(end)) return end;
  // Clocks change meanwhile.
  for (let moment = minute + MINUTE_MS; ; moment += MINUTE_MS) if (!isQuiet(moment)) return moment;
}

/** Whether a minute of the day is one of quiet hours. */
function contains({ start, end }: QuietHours, minute: number): boolean {
  const [from, to] = [minutesOf(start), minutesOf(end)];
  if (from <= to) return from <= minute && minute < to;
  return minute >= from || minute < to;
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

/** @param local - a local time as if it were UTC */
function minuteOf(local: number): number {
  return ((Math.floor(local / MINUTE_MS) % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES;
}

function clocksOf(timeZone: string): (moment: number) => number {
  try {
    return zoneRules(timeZone).aheadAt;
  } catch {
    return () => 0;
  }
}
