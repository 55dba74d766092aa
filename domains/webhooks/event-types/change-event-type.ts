import { outdatedDetail } from '../../../core/expected-version';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import {
  type EventType,
  type EventTypeChange,
  type EventTypePlace,
  findEventType,
  removeEventType,
  updateEventType,
} from '../store/event-types';

/**
 * Changes the given fields of an event type.
 *
 * @throws WebhookRefusal when there is none of this name, or it is none of the expected revisions
 */
export async function changeEventType(
  db: Queryable,
  place: EventTypePlace,
  change: EventTypeChange,
): Promise<EventType> {
  return (await updateEventType(db, place, change)) ?? refuse(db, place);
}

/** Removes an event type from the catalogue. @throws WebhookRefusal as {@link changeEventType} does */
export async function deleteEventType(db: Queryable, place: EventTypePlace): Promise<void> {
  if (!(await removeEventType(db, place))) await refuse(db, place);
}

/** Says why the statement found nothing. */
async function refuse(db: Queryable, { tenantId, name }: EventTypePlace): Promise<never> {
  const version = (await findEventType(db, tenantId, name))?.revision;
  if (version === undefined) throw new WebhookRefusal('no-such-event-type');
  throw new WebhookRefusal('changed-meanwhile', outdatedDetail('The event type', version), { version });
}
