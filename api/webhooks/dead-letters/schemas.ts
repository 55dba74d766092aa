import { z } from 'zod';
import {
  type Attempt,
  DEAD_LETTER_STATES,
  type DeadLetter,
  type DeadLetterCount,
  type DeadLetterStats,
  STATUS_CLASSES,
} from '../../../domains/webhooks';
import { followQuery } from '../../http/cursor';
import {
  idSchema,
  moment,
  momentOrNull,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
  timeQuery,
} from '../../http/schemas';
import { attemptSchema, attemptView } from '../deliveries/schemas';
import { eventTypeName } from '../event-schemas';

const deadLetterFields = {
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
  resolvedReason: z.string().nullable().meta({ description: 'Why it was discarded; null if it was not.' }),
  resolvedBy: z.string().nullable().meta({ description: 'The API key that discarded it; null if none did.' }),
  recoveries: z.int().meta({
    description:
      'How often its delivery was taken from the dead letters without anybody asking for it; 3 times at most.',
    example: 1,
  }),
  recoversFrom: momentText.nullable().meta({
    description:
      'From when on it is delivered without anybody asking for it, once its endpoint works: see the guide. Null: it waits for ' +
      'a person.',
  }),
};

export const deadLetterSchema = z.object(deadLetterFields).meta({ id: 'DeadLetter' });

/** Attempts in the answer about one dead letter; a delivery may have more. */
export const LATEST_ATTEMPTS = 100;

export const deadLetterDetailSchema = z
  .object({
    ...deadLetterFields,
    attemptHistory: z.array(attemptSchema).meta({
      description: `The attempts of its delivery, oldest first: the last ${LATEST_ATTEMPTS}. GET /v1/deliveries/{id}/attempts has all.`,
    }),
  })
  .meta({ id: 'DeadLetterDetail' });

export const discardSchema = z
  .strictObject({
    reason: nonEmptyText(500).meta({ description: 'Why, for the audit log.', example: 'Sent by hand on 3 May' }),
  })
  .meta({ id: 'DeadLetterDiscard', example: { reason: 'Sent by hand on 3 May' } });

const counts = {
  count: z.int().meta({ description: 'How many are open.' }),
  oldestAt: momentText.meta({ description: 'When the oldest of them was given up.' }),
};

export const deadLetterStatsSchema = z
  .object({
    open: z.int().meta({ description: 'How many are open.' }),
    complete: z.boolean().meta({ description: 'Whether all were counted: beyond a million only the newest are.' }),
    oldestAt: momentText.nullable().meta({ description: 'When the oldest was given up; null without any.' }),
    oldestAgeSeconds: z.int().nullable().meta({ description: 'How long ago that was.' }),
    byReason: z.array(z.object({ reason: z.string(), ...counts })).meta({ description: 'By why they were given up.' }),
    byEndpoint: z
      .array(z.object({ endpointId: idSchema('ep'), ...counts }))
      .meta({ description: 'By endpoint: the 20 with most, most first.' }),
    byEventType: z
      .array(z.object({ eventType: z.string(), ...counts }))
      .meta({ description: 'By event type: the 20 with most, most first.' }),
    byHour: z
      .array(z.object({ hour: momentText.meta({ description: 'When the hour began.' }), ...counts }))
      .meta({ description: 'By the hour in which they were given up: the last 168 that have any, newest first.' }),
  })
  .meta({ id: 'DeadLetterStats' });

export const deadLetterReason = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'expected a reason such as exhausted, gone, endpoint-disabled or content-expired');
export const statusClass = z
  .enum(STATUS_CLASSES)
  .meta({ description: "The last answer's status; `none`: there was no answer." });
export const deadLetterPageSchema = pageSchema('DeadLetterPage', deadLetterSchema);
export const deadLetterParams = z.object({ id: idSchema('dl') });
export const deadLetterQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  ...timeQuery,
  state: z
    .enum([...DEAD_LETTER_STATES, 'resolved', 'any'])
    .default('open')
    .meta({ description: '`resolved`: retried or discarded.' }),
  endpointId: idSchema('ep').optional(),
  eventType: eventTypeName.optional(),
  reason: deadLetterReason.optional(),
  statusClass: statusClass.optional(),
});
export const deadLetterStatsQuery = z.strictObject({ ...timeQuery, endpointId: idSchema('ep').optional() });

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
    resolvedReason: letter.resolvedReason ?? null,
    resolvedBy: letter.resolvedBy ?? null,
    recoveries: letter.recoveries,
    recoversFrom: momentOrNull(letter.recoversFrom),
  };
}

/** A dead letter with the attempts of its delivery, newest first as they are read. */
export function deadLetterDetail(
  letter: DeadLetter,
  newestFirst: readonly Attempt[],
): z.input<typeof deadLetterDetailSchema> {
  return { ...deadLetterView(letter), attemptHistory: [...newestFirst].reverse().map(attemptView) };
}

/** Statistics as answers show them. */
export function deadLetterStatsView(stats: DeadLetterStats, now: Date): z.input<typeof deadLetterStatsSchema> {
  const { oldestAt } = stats;
  const counted = <T>({ count, oldestAt: since }: DeadLetterCount<T>) => ({ count, oldestAt: moment(since) });
  return {
    open: stats.open,
    complete: stats.complete,
    oldestAt: momentOrNull(oldestAt),
    oldestAgeSeconds:
      oldestAt === undefined ? null : Math.max(0, Math.floor((now.getTime() - oldestAt.getTime()) / 1_000)),
    byReason: stats.byReason.map((group) => ({ reason: group.value, ...counted(group) })),
    byEndpoint: stats.byEndpoint.map((group) => ({ endpointId: group.value, ...counted(group) })),
    byEventType: stats.byEventType.map((group) => ({ eventType: group.value, ...counted(group) })),
    byHour: stats.byHour.map((group) => ({ hour: moment(group.value), ...counted(group) })),
  };
}
