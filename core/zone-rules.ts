import { Temporal } from '@js-temporal/polyfill';
import { tz } from 'moment-timezone';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The package lists changes of clocks up to 2037. Where they go on after that, they are Node's. */
const LISTED_UNTIL = Date.parse('2037-01-01T00:00:00Z');
const LAST_LISTED_YEAR = Date.parse('2036-01-01T00:00:00Z');

/** The release of the IANA time zone database that days are computed by, such as `2026f`. */
export const ZONE_RULES_VERSION: string = tz.dataVersion;

/** The release that Node brings along, in its own `Intl`; `none` for a Node that was built without one. */
export const NODE_ZONE_RULES_VERSION: string = process.versions.tz ?? 'none';

/** Nobody knows a time zone of this name. */
export class UnknownTimeZone extends Error {
  override name = 'UnknownTimeZone';
}

/** How the clocks of a time zone go. Moments are milliseconds since 1970. */
export interface ZoneRules {
  /** How far clocks are ahead of UTC at a moment, in milliseconds. */
  aheadAt(moment: number): number;
  /**
   * When clocks show a local time, which is given as if it were UTC. A time that comes twice is the first one; a time
   * that is left out is as long after the last change as it would have been without it.
   */
  momentOf(local: number): number;
}

const known = new Map<string, ZoneRules>();

/**
 * The rules of a time zone by its IANA name, from a package that is as current as the last upgrade of dependencies: what
 * Node was built with may be a year old, and clocks change at a few months' notice.
 *
 * @throws UnknownTimeZone
 */
export function zoneRules(name: string): ZoneRules {
  const found = known.get(name);
  if (found !== undefined) return found;
  const zone = tz.zone(name);
  if (zone?.name !== name) throw new UnknownTimeZone(`the time zone ${name} is not in the IANA database`);
  const { untils, offsets } = zone;
  const goesOn = untils.some((until) => until >= LAST_LISTED_YEAR && until < Number.POSITIVE_INFINITY);
  const aheadAt = (moment: number) =>
    goesOn && moment >= LISTED_UNTIL ? aheadByNode(name, moment) : listed(untils, offsets, moment);
  const rules = { aheadAt, momentOf: (local: number) => momentOf(local, aheadAt) };
  known.set(name, rules);
  return rules;
}

/** @param offsets - minutes behind UTC, each up to the moment in `untils` at the same place */
function listed(untils: readonly number[], offsets: readonly number[], moment: number): number {
  let [low, high] = [0, offsets.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moment < (untils[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return Math.round(0 - (offsets[low] ?? 0) * MINUTE_MS);
}

function aheadByNode(timeZone: string, moment: number): number {
  const { offsetNanoseconds } = Temporal.Instant.fromEpochMilliseconds(moment).toZonedDateTimeISO(timeZone);
  return offsetNanoseconds / 1e6;
}

/** Clocks do not change twice within two days. */
function momentOf(local: number, aheadAt: (moment: number) => number): number {
  const before = aheadAt(local - DAY_MS);
  const first = local - before;
  if (aheadAt(first) === before) return first;
  const second = local - aheadAt(local + DAY_MS);
  return second + aheadAt(second) === local ? second : first;
}

/**
 * Whether Node knows other rules for a time zone.
 *
 * @returns a day on which clocks differ, if there is one; the first moment for a zone that one of both does not know
 */
export function ruleDifference(name: string, from: Date, to: Date): Date | undefined {
  try {
    const { aheadAt } = zoneRules(name);
    for (let moment = from.getTime(); moment < to.getTime(); moment += DAY_MS) {
      if (aheadAt(moment) !== aheadByNode(name, moment)) return new Date(moment);
    }
    return undefined;
  } catch (error) {
    if (error instanceof UnknownTimeZone || error instanceof RangeError) return from;
    throw error;
  }
}
