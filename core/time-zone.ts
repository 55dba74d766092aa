import { Temporal } from '@js-temporal/polyfill';

/**
 * A time zone's name in its proper spelling: unlike Intl, others look zones up by the exact name.
 *
 * @returns `undefined` for anything but an IANA name
 */
export function timeZoneName(text: string): string | undefined {
  if (!/^[a-z]/i.test(text)) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId;
  } catch {
    return undefined;
  }
}
