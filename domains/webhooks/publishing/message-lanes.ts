import { type Lane, type LaneRules, laneOf, lanesOf } from '../rules/lane';
import type { PublishInput } from './publisher';

/** The lanes of a message. */
export interface MessageLanes {
  /** In which it is committed: its own, before anything is known of its endpoints. */
  own: Lane;
  /** Those of its deliveries, by their endpoints' tiers; undefined where the tier alone decides. */
  byTier: number[] | undefined;
}

const UNSAID: MessageLanes = { own: 'normal', byTier: undefined };

/**
 * The lanes of a message that is published.
 *
 * @param rules - what its tenant has laid down, as far as is known
 * @param acceptedAt - in milliseconds since 1970
 */
export function lanesOfMessage(input: PublishInput, rules: LaneRules | undefined, acceptedAt: number): MessageLanes {
  const { eventType, priority, eventDate } = input;
  const byTier = lanesOf({ eventType, priority, eventDate, acceptedAt }, rules);
  if (byTier === undefined) return UNSAID;
  return { own: laneOf({ eventType, priority, eventDate, acceptedAt }, rules, 'standard'), byTier };
}
