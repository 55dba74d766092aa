import { Temporal } from '@js-temporal/polyfill';

/**
 * A time zone's name with the capitals that it has: others than Intl look zones up by the exact name.
 *
 * @returns `undefined` for what is no IANA name
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
