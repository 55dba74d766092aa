import { z } from 'zod';
import type { EventType } from '../../../domains/webhooks';
import { moment, momentText, pageQuery, pageSchema, text } from '../../http/schemas';
import { eventTypeName, ownEventTypeName } from '../event-schemas';
import { lane } from '../lane-schemas';

const description = text(2_000).meta({ example: 'An order was placed and paid for.' });

const priority = lane.nullable().meta({
  description:
    'The priority of its deliveries, unless the publisher asks for another or the message is about today; null: as the tiers of ' +
    'endpoints say. Counts for messages that are accepted ten seconds later, or sooner.',
  example: 'bulk',
});

export const newEventTypeSchema = z
  .strictObject({ name: ownEventTypeName, description: description.default(''), priority: priority.default(null) })
  .meta({ id: 'NewEventType' });

export const eventTypeChangeSchema = z
  .strictObject({
    description: description.optional(),
    archived: z.boolean().optional(),
    priority: priority.optional(),
  })
  .meta({ id: 'EventTypeChange' });

export const eventTypeSchema = z
  .object({
    name: eventTypeName,
    description: z.string(),
    archived: z.boolean(),
    priority,
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'EventType' });

export const eventTypePageSchema = pageSchema('EventTypePage', eventTypeSchema);
export const eventTypeParams = z.object({ name: eventTypeName });
export const eventTypeQuery = z.strictObject({
  ...pageQuery,
  archived: z
    .enum(['true', 'false', 'any'])
    .default('false')
    .meta({ description: 'Only archived ones, only others, or all.' }),
});

/** An event type as answers show it. */
export function eventTypeView(eventType: EventType): z.input<typeof eventTypeSchema> {
  return {
    name: eventType.name,
    description: eventType.description,
    archived: eventType.archived,
    priority: eventType.priority ?? null,
    createdAt: moment(eventType.createdAt),
    updatedAt: moment(eventType.updatedAt),
  };
}
