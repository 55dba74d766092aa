import { z } from 'zod';
import { type Attempt, DELIVERY_STATES, type Delivery } from '../../../domains/webhooks';
import { followQuery } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema, timeQuery } from '../../http/schemas';
import { eventTypeName } from '../event-schemas';
import { lane } from '../lane-schemas';

export const deliverySchema = z
  .object({
    id: idSchema('dlv'),
    messageId: idSchema('msg'),
    endpointId: idSchema('ep'),
    eventType: eventTypeName,
    state: z.enum(DELIVERY_STATES),
    priority: lane.meta({ description: 'Which deliveries it goes before; decided when its message was accepted.' }),
    attempts: z.int(),
    attempting: z.boolean().meta({ description: 'Whether an attempt is under way.' }),
    waitsFor: z.enum(['turn']).nullable().meta({
      description:
        '`turn`: its endpoint is ordered, and it waits until those before it are settled. Null for all others.',
      example: null,
    }),
    nextAttemptAt: momentText.nullable(),
    rateLimitedUntil: momentText.nullable().meta({
      description:
        'When the rate limit of its endpoint gives way for the next attempts, while the delivery waits for that; those that have waited longer go first. Otherwise null.',
      example: null,
    }),
    lastStatus: z.int().nullable().meta({ description: "The receiver's last status, null if there was none." }),
    lastError: z.string().nullable(),
    workflowId: z.string(),
    workflowUrl: z.string().meta({ description: 'The workflow in Temporal Web UI.' }),
    replayId: idSchema('rpl')
      .nullable()
      .meta({ description: 'The replay that was the last to reopen it.', example: null }),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Delivery' });

export const attemptSchema = z
  .object({
    id: idSchema('att'),
    deliveryId: idSchema('dlv'),
    number: z.int(),
    trigger: z.string().meta({
      description: '`accept`: at once when the message was accepted; `schedule`: by its workflow.',
    }),
    startedAt: momentText,
    durationMs: z.int(),
    outcome: z.enum(['succeeded', 'failed']),
    status: z.int().nullable(),
    error: z.string().nullable(),
    errorDetail: z.string().nullable(),
    responseBody: z
      .string()
      .nullable()
      .meta({
        description:
          "The beginning of the receiver's answer; forgotten with the message's content. What it repeats of the endpoint's " +
          'custom headers, signing secrets and signatures is `[redacted]`.',
      }),
    fallback: z.boolean().meta({ description: "Whether it was made at the endpoint's `fallbackUrl`.", example: false }),
  })
  .meta({ id: 'Attempt' });

export const commandSchema = z
  .object({ id: z.string(), workflowId: z.string(), workflowUrl: z.string() })
  .meta({ id: 'CommandAccepted', description: 'The target of the command, and the workflow that continues with it.' });

export const deliveryPageSchema = pageSchema('DeliveryPage', deliverySchema);
export const attemptPageSchema = pageSchema('AttemptPage', attemptSchema);
export const deliveryParams = z.object({ id: idSchema('dlv') });
export const attemptParams = z.object({ id: idSchema('dlv'), attemptId: idSchema('att') });
export const attemptQuery = z.strictObject(pageQuery);
export const deliveryQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  ...timeQuery,
  state: z.enum(DELIVERY_STATES).optional(),
  endpointId: idSchema('ep').optional(),
  eventType: eventTypeName.optional(),
  messageId: idSchema('msg').optional(),
  replayId: idSchema('rpl').optional().meta({ description: 'What this replay was the last to reopen.' }),
});

/** A delivery as answers show it. */
export function deliveryView(
  delivery: Delivery,
  workflowUrl: DoorContext['workflowUrl'],
): z.input<typeof deliverySchema> {
  return {
    id: delivery.id,
    messageId: delivery.messageId,
    endpointId: delivery.endpointId,
    eventType: delivery.eventType,
    state: delivery.state,
    priority: delivery.lane,
    attempts: delivery.attempts,
    attempting: delivery.attempting,
    waitsFor: delivery.waitsForTurn ? 'turn' : null,
    nextAttemptAt: momentOrNull(delivery.nextAttemptAt),
    rateLimitedUntil: momentOrNull(delivery.limitedUntil),
    lastStatus: delivery.lastStatus ?? null,
    lastError: delivery.lastError ?? null,
    workflowId: delivery.workflowId,
    workflowUrl: workflowUrl(delivery.workflowId),
    replayId: delivery.replayId ?? null,
    createdAt: moment(delivery.createdAt),
    updatedAt: moment(delivery.updatedAt),
  };
}

/** An attempt as answers show it. */
export function attemptView(attempt: Attempt): z.input<typeof attemptSchema> {
  return {
    id: attempt.id,
    deliveryId: attempt.deliveryId,
    number: attempt.number,
    trigger: attempt.trigger,
    startedAt: moment(attempt.startedAt),
    durationMs: attempt.durationMs,
    outcome: attempt.outcome,
    status: attempt.status ?? null,
    error: attempt.error ?? null,
    errorDetail: attempt.errorDetail ?? null,
    responseBody: attempt.responseBody ?? null,
    fallback: attempt.fallback,
  };
}
