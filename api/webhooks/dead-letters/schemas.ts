import { z } from 'zod';
import { DEAD_LETTER_STATES, type DeadLetter } from '../../../domains/webhooks';
import { followQuery } from '../../http/cursor';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema, timeQuery } from '../../http/schemas';
import { eventTypeName } from '../event-schemas';

export const deadLetterSchema = z
  .object({
    id: idSchema('dl'),
    deliveryId: idSchema('dlv'),
    messageId: idSchema('msg'),
    endpointId: idSchema('ep'),
    eventType: eventTypeName,
    reason: z.string().meta({ description: 'Why it was given up.', example: 'exhausted' }),
    lastStatus: z.int().nullable(),
    lastError: z.string().nullable(),
    attempts: z.int(),
    state: z.enum(DEAD_LETTER_STATES),
    createdAt: momentText,
    resolvedAt: momentText.nullable(),
  })
  .meta({ id: 'DeadLetter' });

export const deadLetterPageSchema = pageSchema('DeadLetterPage', deadLetterSchema);
export const deadLetterParams = z.object({ id: idSchema('dl') });
export const deadLetterQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  ...timeQuery,
  state: z.enum([...DEAD_LETTER_STATES, 'any']).default('open'),
  endpointId: idSchema('ep').optional(),
  eventType: eventTypeName.optional(),
  reason: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'expected a reason such as exhausted, gone, endpoint-disabled or content-expired')
    .optional(),
});

/** A dead letter as answers show it. */
export function deadLetterView(letter: DeadLetter): z.input<typeof deadLetterSchema> {
  return {
    id: letter.id,
    deliveryId: letter.deliveryId,
    messageId: letter.messageId,
    endpointId: letter.endpointId,
    eventType: letter.eventType,
    reason: letter.reason,
    lastStatus: letter.lastStatus ?? null,
    lastError: letter.lastError ?? null,
    attempts: letter.attempts,
    state: letter.state,
    createdAt: moment(letter.createdAt),
    resolvedAt: momentOrNull(letter.resolvedAt),
  };
}
