import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import type { Lane } from '../rules/lane';
import { type EventType, insertEventType } from '../store/event-types';

/** Adds an event type to a tenant's catalogue. @throws WebhookRefusal when it already has one of this name */
export async function createEventType(
  db: Queryable,
  tenantId: PublicId,
  input: { name: string; description: string; priority?: Lane | null },
): Promise<EventType> {
  const eventType = await insertEventType(db, tenantId, input);
  if (eventType !== undefined) return eventType;
  throw new WebhookRefusal('event-type-exists', `There is an event type "${input.name}"; change that one.`);
}
