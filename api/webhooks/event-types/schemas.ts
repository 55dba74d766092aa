import { z } from 'zod';
import type { EventType } from '../../../domains/webhooks';
import { moment, momentText, pageQuery, pageSchema, text } from '../../http/schemas';
import { eventTypeName, ownEventTypeName } from '../event-schemas';

const description = text(2_000).meta({ example: 'An order was placed and paid for.' });

export const newEventTypeSchema = z
  .strictObject({ name: ownEventTypeName, description: description.default('') })
  .meta({ id: 'NewEventType' });

export const eventTypeChangeSchema = z
  .strictObject({ description: description.optional(), archived: z.boolean().optional() })
  .meta({ id: 'EventTypeChange' });

export const eventTypeSchema = z
  .object({
    name: eventTypeName,
    description: z.string(),
    archived: z.boolean(),
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
    createdAt: moment(eventType.createdAt),
    updatedAt: moment(eventType.updatedAt),
  };
}
