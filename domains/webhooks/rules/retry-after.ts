const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const CLOCK = String.raw`(\d{1,2}):(\d{2}):(\d{2})`;
const UTC = '(?:gmt|utc?|z|[+-]0000)';

/** `Sun, 06 Nov 1994 08:49:37 GMT`, which is what is sent today. */
const FIXED = new RegExp(String.raw`^[a-z]{3}, (\d{1,2}) ([a-z]{3}) (\d{4}) ${CLOCK} ${UTC}$`, 'i');
/** `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850), also with a whole year. */
const DASHED = new RegExp(String.raw`^[a-z]{3,9}, (\d{1,2})-([a-z]{3})-(\d{2}|\d{4}) ${CLOCK} ${UTC}$`, 'i');
/** `Sun Nov  6 08:49:37 1994` (C's asctime), in UTC though it does not say so. */
const ASCTIME = new RegExp(String.raw`^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) ${CLOCK} (\d{4})$`, 'i');

/** How far ahead the year of a date with two digits may lie (RFC 9110). */
const YEARS_AHEAD = 50;

interface Calendar {
  year: string | undefined;
  month: string | undefined;
  day: string | undefined;
  clock: (string | undefined)[];
}

/**
 * Reads a `Retry-After` header: seconds, also with a fraction, or a date in any of the three forms of HTTP. The zone of
 * the process plays no part.
 *
 * @returns whole milliseconds from `nowMs`, 0 for the past and without an upper bound: who waits has to set one;
 *   `undefined` when the header is neither
 */
export function parseRetryAfter(header: string, nowMs: number): number | undefined {
  const text = header.trim();
  if (/^\d+(?:\.\d*)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1_000), Number.MAX_SAFE_INTEGER);
  const at = parseHttpDate(text, nowMs);
  return at === undefined ? undefined : Math.max(0, Math.ceil(at - nowMs));
}

function parseHttpDate(text: string, nowMs: number): number | undefined {
  const calendar = calendarOf(text);
  if (calendar === undefined) return undefined;
  const month = MONTHS.indexOf((calendar.month ?? '').toLowerCase());
  const day = Number(calendar.day);
  const [hour = 0, minute = 0, second = 0] = calendar.clock.map(Number);
  const year = yearOf(calendar.year ?? '', nowMs);
  // 60 is a leap second.
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month, day);
  // A day that its month does not have would have become one of the next.
  if (day === 0 || midnight.getUTCMonth() !== month) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000;
}

function calendarOf(text: string): Calendar | undefined {
  const byDay = FIXED.exec(text) ?? DASHED.exec(text);
  if (byDay !== null) {
    const [, day, month, year, ...clock] = byDay;
    return { year, month, day, clock };
  }
  const byMonth = ASCTIME.exec(text);
  if (byMonth === null) return undefined;
  const [, month, day, hour, minute, second, year] = byMonth;
  return { year, month, day, clock: [hour, minute, second] };
}

/** Of two digits: the last year that ends so and does not lie too far ahead. */
function yearOf(digits: string, nowMs: number): number {
  if (digits.length > 2) return Number(digits);
  const latest = new Date(nowMs).getUTCFullYear() + YEARS_AHEAD;
  const year = latest - (latest % 100) + Number(digits);
  return year > latest ? year - 100 : year;
}
