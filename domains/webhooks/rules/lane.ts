import { UnknownTimeZone, zoneRules } from '../../../core/zone-rules';

/** The lanes of deliveries, the most urgent first. A delivery is stored with the number of its lane's place here. */
export const LANES = ['urgent', 'normal', 'bulk'] as const;
export type Lane = (typeof LANES)[number];

/** What endpoints are to their tenant, and the lane of their deliveries when nothing else is said. */
export const TIERS = ['premium', 'standard', 'bulk'] as const;
export type Tier = (typeof TIERS)[number];

/** By the numbers that rules use, which begin with 1. */
export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

const LANE_OF_TIER: Record<Tier, Lane> = { premium: 'urgent', standard: 'normal', bulk: 'bulk' };

/** What a tenant has laid down about priorities. */
export interface LaneRules {
  /** The IANA name of the tenant's time zone. */
  timeZone: string;
  /** Days that matter, 1 for Monday to 7 for Sunday. */
  weekdays: readonly number[];
  /** By event type. */
  eventTypes: Readonly<Record<string, Lane>>;
}

/** What of a message decides its lane. */
export interface LaneTraits {
  eventType: string;
  /** What its publisher asked for. */
  priority?: Lane | undefined;
  /** The day that it is about, `YYYY-MM-DD`. */
  eventDate?: string | undefined;
  /** When it was accepted, in milliseconds since 1970. */
  acceptedAt: number;
}

/**
 * The lane of a message's delivery to an endpoint of a tier. What comes first decides:
 *
 * 1. the priority that the publisher asked for;
 * 2. a message about today, in the tenant's time zone, is urgent;
 * 3. the priority of its event type;
 * 4. on a weekday that matters, what says nothing of its day is urgent, but for endpoints of the tier `bulk`;
 * 5. the endpoint's tier.
 */
export function laneOf(message: LaneTraits, rules: LaneRules | undefined, tier: Tier): Lane {
  const { priority, eventDate, eventType, acceptedAt } = message;
  if (priority !== undefined) return priority;
  const timeZone = rules?.timeZone ?? 'UTC';
  if (eventDate !== undefined && eventDate === dateIn(timeZone, acceptedAt)) return 'urgent';
  const ofType =
    rules !== undefined && Object.hasOwn(rules.eventTypes, eventType) ? rules.eventTypes[eventType] : undefined;
  if (ofType !== undefined) return ofType;
  const free = eventDate === undefined && tier !== 'bulk';
  if (free && rules?.weekdays.includes(weekdayIn(timeZone, acceptedAt)) === true) return 'urgent';
  return LANE_OF_TIER[tier];
}

/** The numbers of a message's lanes, one for each tier; undefined where the tiers alone decide. */
export function lanesOf(message: LaneTraits, rules: LaneRules | undefined): number[] | undefined {
  if (saysNothing(message, rules)) return undefined;
  const lanes = TIERS.map((tier) => LANES.indexOf(laneOf(message, rules, tier)));
  return lanes.every((lane, tier) => lane === tier) ? undefined : lanes;
}

/** Nearly every message: found without looking at clocks and zones. */
function saysNothing({ priority, eventDate, eventType }: LaneTraits, rules: LaneRules | undefined): boolean {
  if (priority !== undefined || eventDate !== undefined) return false;
  return rules === undefined || (rules.weekdays.length === 0 && !Object.hasOwn(rules.eventTypes, eventType));
}

/** The date of a moment in a time zone, `YYYY-MM-DD`. One that is not in the database of zones counts as UTC. */
export function dateIn(timeZone: string, moment: number): string {
  return new Date(moment + aheadAt(timeZone, moment)).toISOString().slice(0, 10);
}

/** 1 for Monday to 7 for Sunday. */
function weekdayIn(timeZone: string, moment: number): number {
  return new Date(moment + aheadAt(timeZone, moment)).getUTCDay() || 7;
}

function aheadAt(timeZone: string, moment: number): number {
  try {
    return zoneRules(timeZone).aheadAt(moment);
  } catch (error) {
    if (error instanceof UnknownTimeZone) return 0;
    throw error;
  }
}
