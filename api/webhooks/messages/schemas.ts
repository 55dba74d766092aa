import { z } from 'zod';
import type { PublicId } from '../../../core/ids';
import { RawJson } from '../../../core/json/raw-json';
import {
  dataOf,
  type MessageSummary,
  type MessageWithBody,
  type PublishInput,
  type PublishResult,
} from '../../../domains/webhooks';
import { followQuery } from '../../http/cursor';
import { dateSchema } from '../../http/date-schemas';
import type { DoorContext } from '../../http/door';
import {
  durationSchema,
  idSchema,
  moment,
  momentOrNull,
  momentText,
  pageQuery,
  pageSchema,
  rawJson,
  timeQuery,
} from '../../http/schemas';
import { channel, eventTypeName, ownEventId, ownEventTypeName } from '../event-schemas';
import { lane } from '../lane-schemas';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const MAX_CHANNELS = 10;
const NO_CHANNELS: readonly string[] = [];
const STRING = /^"((?:[^"\\]|\\["\\])*)"$/;
const VISIBLE = /^[\x21-\x7e]{1,255}$/;

/** The `Idempotency-Key` header: bare, or a quoted string as in RFC 8941. */
export const idempotencyKeyHeader = z
  .string()
  .transform((header, ctx) => {
    const text = header.trim();
    // What begins as a string and is none, such as one with a parameter, would be another key than the string alone.
    const key = text.startsWith('"') ? STRING.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1') : text;
    if (key !== undefined && VISIBLE.test(key)) return key;
    ctx.addIssue({ code: 'custom', message: 'expected 1 to 255 visible ASCII characters, bare or in double quotes' });
    return z.NEVER;
  })
  .optional()
  .meta({
    description:
      'A second request with the same key is answered with the first one’s message and sends nothing. At most 255 ' +
      'visible ASCII characters, such as a UUID, bare or in double quotes.',
    pattern: '^[!#-~][!-~]{0,254}$',
  });

export const publishHeaders = z.object({ 'idempotency-key': idempotencyKeyHeader });

/** The `Content-Type` says how a batch is written; it is checked before. */
export const batchHeaders = publishHeaders.extend({ 'content-type': z.string().optional() });

const payload = rawJson.meta({
  description:
    'Any JSON value, nested at most 100 levels deep. Receivers get its text exactly as it was sent: numbers of any size ' +
    'and precision, the order of names, escapes and white space stay.',
  example: { orderId: 'A-1001', total: '129.90' },
});

export const newMessageSchema = z
  .strictObject({
    eventType: ownEventTypeName,
    payload,
    eventId: ownEventId.optional().meta({
      description: 'Your own id for the event. A second publish with it is answered with the first one’s message.',
    }),
    channels: z
      .array(channel)
      .max(MAX_CHANNELS)
      .optional()
      .meta({ description: 'Endpoints with channels get the message only if they share one.' }),
    contentExpiresIn: durationSchema(SECOND_MS, 90 * DAY_MS)
      .optional()
      .meta({
        description: 'How long the payload is kept; deliveries still waiting after that become dead letters.',
      }),
    priority: lane.optional().meta({
      description: 'The priority of its deliveries, whatever its event type, its day and the tiers of endpoints say.',
    }),
    eventDate: dateSchema.optional().meta({
      description:
        "The day that it is about. If that is today, in the tenant's time zone, when it is accepted, it is `urgent`.",
      example: '2026-11-28',
    }),
  })
  .meta({ id: 'NewMessage', example: { eventType: 'order.created', payload: { orderId: 'A-1001', total: '129.90' } } });

export const publishedSchema = z
  .object({
    id: idSchema('msg'),
    eventType: eventTypeName,
    eventId: z.string().nullable(),
    createdAt: momentText,
    duplicate: z.boolean().meta({ description: 'Whether an earlier request made this message.' }),
    deliveryCount: z.int(),
    deliveries: z.array(
      z.object({
        id: idSchema('dlv'),
        endpointId: idSchema('ep'),
        workflowId: z.string(),
        workflowUrl: z.string().meta({ description: 'The workflow in Temporal Web UI.' }),
      }),
    ),
  })
  .meta({ id: 'PublishedMessage' });

const fields = {
  id: idSchema('msg'),
  eventType: eventTypeName,
  eventId: z.string().nullable(),
  channels: z.array(z.string()),
  createdAt: momentText,
  contentExpired: z.boolean(),
  contentExpiresAt: momentText.nullable().meta({ description: 'Null once it has expired.' }),
};

export const messageSummarySchema = z.object(fields).meta({ id: 'MessageSummary' });
export const messageSchema = z
  .object({ ...fields, payload: z.unknown().meta({ description: 'Left out once the content has expired.' }) })
  .meta({ id: 'Message' });
export const messagePageSchema = pageSchema('MessagePage', messageSummarySchema);
export const messageParams = z.object({ id: idSchema('msg') });
export const messageQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  ...timeQuery,
  eventType: eventTypeName.optional(),
});

/** What is to be published. Content expires so long after it was accepted. */
export function publishInput(
  tenantId: PublicId,
  { eventType, payload, channels, eventId, contentExpiresIn, priority, eventDate }: z.output<typeof newMessageSchema>,
  idempotencyKey: string | undefined,
): PublishInput {
  const contentExpiresAt = contentExpiresIn === undefined ? undefined : new Date(Date.now() + contentExpiresIn);
  return {
    tenantId,
    eventType,
    data: payload.text,
    channels: channels ?? NO_CHANNELS,
    eventId,
    idempotencyKey,
    contentExpiresAt,
    priority,
    eventDate,
  };
}

/** The answer to a publish. */
export function publishedView(
  result: Extract<PublishResult, { outcome: 'accepted' }>,
  message: { eventType: string; eventId?: string | undefined },
  workflowUrl: DoorContext['workflowUrl'],
): z.input<typeof publishedSchema> {
  return {
    id: result.id,
    eventType: message.eventType,
    eventId: message.eventId ?? null,
    createdAt: moment(result.createdAt),
    duplicate: result.duplicate,
    deliveryCount: result.deliveries.length,
    deliveries: result.deliveries.map(({ id, endpointId, workflowId }) => ({
      id,
      endpointId,
      workflowId,
      workflowUrl: workflowUrl(workflowId),
    })),
  };
}

/**
 * A message without its payload, as lists show it.
 *
 * @param retentionMs - how long content is kept unless the publisher says otherwise
 */
export function messageSummaryView(message: MessageSummary, retentionMs: number): z.input<typeof messageSummarySchema> {
  const expiresAt = message.contentExpiresAt ?? new Date(message.createdAt.getTime() + retentionMs);
  return {
    id: message.id,
    eventType: message.eventType,
    eventId: message.eventId ?? null,
    channels: message.channels,
    createdAt: moment(message.createdAt),
    contentExpired: message.contentExpired,
    contentExpiresAt: momentOrNull(message.contentExpired ? undefined : expiresAt),
  };
}

/** A message as answers show it, with its payload as it was sent: the data of the envelope that receivers get. */
export function messageView(message: MessageWithBody, retentionMs: number): RawJson {
  const summary = JSON.stringify(messageSummaryView(message, retentionMs));
  return new RawJson(
    message.body === undefined ? summary : `${summary.slice(0, -1)},"payload":${dataOf(message.body)}}`,
  );
}
