import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { OwnEvent } from '../publishing/publish-event';
import { isOperational, type SystemEventType } from '../rules/system-events';
import type { AttemptOutcome } from '../store/attempt-outcomes';

/** From this failed attempt on a delivery is one to look at. */
const FAILING_ATTEMPT = 4;

type Outcome = Pick<AttemptOutcome, 'number' | 'next' | 'status' | 'error'>;

/**
 * What an attempt is worth telling its tenant; undefined for nothing. The delivery of such an event is never told of: an
 * endpoint that fails to take them would cause ever more.
 */
export function deliveryEvent(delivery: LeasedDelivery, outcome: Outcome): OwnEvent | undefined {
  const { deliveryId, messageId, endpointId, tenantId, eventType } = delivery;
  if (eventType === undefined || isOperational(eventType)) return undefined;
  const told = toldBy(delivery, outcome);
  if (told === undefined) return undefined;
  return {
    tenantId,
    eventType: told,
    eventId: `${deliveryId}:${told}:${outcome.number}`,
    payload: {
      deliveryId,
      messageId,
      endpointId,
      eventType,
      attempts: outcome.number,
      lastStatus: outcome.status ?? null,
      lastError: outcome.error ?? null,
    },
  };
}

function toldBy({ attempts, attemptsInRun }: LeasedDelivery, { number, next }: Outcome): SystemEventType | undefined {
  if (next.state === 'dead') return next.reason === 'exhausted' ? 'delivery.exhausted' : undefined;
  if (next.state === 'retrying') return number === FAILING_ATTEMPT ? 'delivery.failing' : undefined;
  if (next.state !== 'delivered') return undefined;
  return attempts >= FAILING_ATTEMPT || attempts > attemptsInRun ? 'delivery.recovered' : undefined;
}
