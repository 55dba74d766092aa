import { z } from 'zod';
import { isSystemEventId, isSystemEventType, SYSTEM_NAMESPACES } from '../../domains/webhooks';
import { nonEmptyText } from '../http/schemas';

const NAME_PART = '[A-Za-z0-9_-]+';
const EVENT_TYPE = new RegExp(`^${NAME_PART}(\\.${NAME_PART})*$`);
const EVENT_TYPE_PATTERN = new RegExp(`^(\\*|${NAME_PART}(\\.${NAME_PART})*(\\.\\*)?)$`);

/** An exact event type, such as `order.created`. */
export const eventTypeName = z
  .string()
  .max(128)
  .regex(EVENT_TYPE, 'expected words of letters, digits, "_" and "-", separated by dots')
  .meta({ example: 'order.created' });

/** An event type that a tenant may use: exact, and not one of Waybill's own. */
export const ownEventTypeName = eventTypeName
  .refine(
    (name) => !isSystemEventType(name),
    `is reserved: event types whose first word is one of ${SYSTEM_NAMESPACES.join(', ')} are Waybill's own`,
  )
  .meta({ description: `Not one of Waybill's own, whose first word is ${SYSTEM_NAMESPACES.join(', ')}.` });

/** A publisher's own id for an event. */
export const ownEventId = nonEmptyText(255).refine(
  (id) => !isSystemEventId(id),
  "is reserved: it has the form of the ids of Waybill's own events",
);

/** What an endpoint subscribes to: an exact event type, `prefix.*`, or `*`. */
export const eventTypePattern = z
  .string()
  .max(128)
  .regex(EVENT_TYPE_PATTERN, 'expected an event type, a prefix and ".*", or "*"')
  .meta({ example: 'order.*' });

export const channel = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, ".", "_", ":" or "-"')
  .meta({ example: 'shop:berlin' });
