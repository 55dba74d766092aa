import { ZONE_RULES_VERSION } from '../../../core/zone-rules';
import { addDays, type BusinessDayRule, businessDateAt, businessDay } from '../../merchants/rules/business-day';

/** How many days ahead a Schedule knows: it goes on for so long when nobody looks after it. */
export const DAYS_AHEAD = 60;

/** It is given more when so many are left. */
export const DAYS_LEFT = 30;

/** The ends of the day that a moment lies in and of those that follow. @throws UnknownTimeZone */
export function dayEnds(rule: BusinessDayRule, from: Date, days = DAYS_AHEAD): Date[] {
  const first = businessDateAt(from, rule);
  return Array.from({ length: days }, (_, day) => businessDay(addDays(first, day), rule).end);
}

/** What the note of a Schedule begins with if it fires at the ends of such days, by the rules of today. */
export function endsBy({ timeZone, cutoff }: BusinessDayRule): string {
  return `ends of days at ${cutoff} in ${timeZone}, by the zone rules ${ZONE_RULES_VERSION}`;
}
