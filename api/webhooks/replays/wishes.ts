import type { ReplayWish } from '../../../domains/webhooks';
import type { DeadLetterSelection } from './schemas';

interface DeliverySelection {
  since?: Date | undefined;
  until?: Date | undefined;
  states: ReplayWish['filter']['states'];
  eventTypes: string[];
  ratePerSecond?: number | undefined;
}

/** A replay of deliveries by the time of their messages. */
export function ofDeliveries(endpointId: string | undefined, selection: DeliverySelection): ReplayWish {
  const { since, until, states, eventTypes, ratePerSecond } = selection;
  return {
    action: 'replay',
    source: 'deliveries',
    endpointId,
    filter: { states: [...new Set(states)], eventTypes, since: since?.toISOString(), until: until?.toISOString() },
    rateLimit: ratePerSecond,
    reason: undefined,
  };
}

/** A job about open dead letters, by the time at which they were given up. */
export function ofDeadLetters(
  action: ReplayWish['action'],
  { endpointId, eventTypes, reason, statusClass, since, until }: DeadLetterSelection,
  how: Pick<ReplayWish, 'rateLimit' | 'reason'>,
): ReplayWish {
  const times = { since: since?.toISOString(), until: until?.toISOString() };
  return {
    ...how,
    action,
    source: 'dead-letters',
    endpointId,
    filter: { states: ['dead'], eventTypes, reason, statusClass, ...times },
  };
}
