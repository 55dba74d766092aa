import { tz } from 'moment-timezone';

const NAMES: ReadonlyMap<string, string> = new Map(tz.names().map((name) => [name.toLowerCase(), name]));

/**
 * A time zone's name in its proper spelling: unlike Intl, others look zones up by the exact name.
 *
 * @returns `undefined` for anything but a name that both the IANA database and Node know: Node also takes names that
 *   were withdrawn, such as `US/Pacific-New`, and an old one lacks the newest
 */
export function timeZoneName(text: string): string | undefined {
  const name = NAMES.get(text.toLowerCase());
  if (name === undefined) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}
