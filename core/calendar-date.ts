import { Temporal } from '@js-temporal/polyfill';

/** Whether a text is a date that exists, `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  // There is no year 0, neither in the calendar nor in Postgres.
  if (!/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}
