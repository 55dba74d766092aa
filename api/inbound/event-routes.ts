import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import {
  findEvent,
  INBOUND_STATES,
  type InboundEvent,
  type InboundEventWithBody,
  listEvents,
  retryEvent,
} from '../../domains/inbound';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  idSchema,
  moment,
  momentOrNull,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
  timeQuery,
} from '../http/schemas';

const TAG = 'Inbound events';
const CURSOR = byId('inbound-events');

const state = z.enum(INBOUND_STATES).meta({
  description: '`pending` until it is `processed`, or has `failed` and waits to be retried.',
});

const fields = {
  id: idSchema('inb'),
  sourceId: idSchema('src').meta({ description: 'Who sent it.' }),
  externalId: z.string().nullable().meta({ description: "The sender's id of it; null without one.", example: 'evt_1' }),
  state,
  attempts: z.int().meta({ description: 'How often it was tried to process it.' }),
  lastError: z.string().nullable().meta({ description: 'What went wrong with the last try; null if nothing did.' }),
  nextAttemptAt: momentText.nullable().meta({ description: 'When it is tried next; null when it is not.' }),
  messageId: idSchema('msg').nullable().meta({ description: 'The message that it became; null if none, or not yet.' }),
  workflowId: z.string(),
  workflowUrl: z.string(),
  size: z.int().meta({ description: 'Bytes of its body.' }),
  contentExpired: z.boolean().meta({ description: 'Whether its headers and body were forgotten.' }),
  receivedAt: momentText.meta({ description: 'When it was accepted.' }),
  processedAt: momentText.nullable().meta({ description: 'When it was processed; null until then.' }),
};

const eventSummarySchema = z.object(fields).meta({ id: 'InboundEventSummary' });
const eventSchema = z
  .object({
    ...fields,
    headers: z.record(z.string(), z.string()).meta({
      description: 'Headers that say something about it, names in lower case.',
      example: { 'x-github-event': 'push' },
    }),
    encoding: z.enum(['utf-8', 'base64']).meta({ description: 'How `body` is written.' }),
    body: z
      .string()
      .nullable()
      .meta({ description: 'Its body; null once it is forgotten.', example: '{"ref":"refs/heads/main"}' }),
  })
  .meta({ id: 'InboundEvent' });
const eventPageSchema = pageSchema('InboundEventPage', eventSummarySchema);
const eventParams = z.object({ eventId: idSchema('inb').meta({ description: 'The event.' }) });
const eventQuery = z.strictObject({
  ...pageQuery,
  ...timeQuery,
  sourceId: idSchema('src').optional().meta({ description: 'Only of this source.' }),
  state: state.optional(),
  externalId: nonEmptyText(255).optional().meta({ description: "Only with this id of the sender's." }),
});

export function eventRoutes(context: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = context;
  const summary = (event: InboundEvent): z.input<typeof eventSummarySchema> => ({
    id: event.id,
    sourceId: event.sourceId,
    externalId: event.externalId ?? null,
    state: event.state,
    attempts: event.attempts,
    lastError: event.lastError ?? null,
    nextAttemptAt: momentOrNull(event.nextAttemptAt),
    messageId: event.messageId ?? null,
    workflowId: event.workflowId,
    workflowUrl: workflowUrl(event.workflowId),
    size: event.bodySize,
    contentExpired: event.contentExpired,
    receivedAt: moment(event.receivedAt),
    processedAt: momentOrNull(event.processedAt),
  });
  const view = (event: InboundEventWithBody): z.input<typeof eventSchema> => {
    const encoding = event.body === undefined || isUtf8(event.body) ? 'utf-8' : 'base64';
    const body = event.body?.toString(encoding) ?? null;
    return { ...summary(event), headers: event.headers, encoding, body };
  };

  return [
    route({
      method: 'get',
      path: '/v1/inbound/events',
      operationId: 'listInboundEvents',
      tag: TAG,
      summary: 'List inbound events, newest first',
      scope: 'inbound:read',
      query: eventQuery,
      responses: { 200: { description: 'A page of events without their content.', body: eventPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listEvents(reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, summary) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/inbound/events/{eventId}',
      operationId: 'getInboundEvent',
      tag: TAG,
      summary: 'Get an inbound event with its content',
      scope: 'inbound:read',
      params: eventParams,
      responses: { 200: { description: 'The event.', body: eventSchema } },
      handler: async ({ params }, { tenantId }) => {
        const event = await findEvent(pool, tenantId, params.eventId);
        if (event === undefined) throw new Problem('not-found');
        return { status: 200, body: view(event) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/inbound/events/{eventId}/retry',
      operationId: 'retryInboundEvent',
      tag: TAG,
      summary: 'Process an inbound event again that has failed',
      description: "By its source's route as it is now.",
      scope: 'inbound:write',
      params: eventParams,
      responses: {
        202: { description: 'It will be processed.', body: eventSchema, headers: { Location: "The event's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId }) => {
        const event = await retryEvent(context, tenantId, params.eventId);
        return { status: 202, headers: { location: `/v1/inbound/events/${event.id}` }, body: view(event) };
      },
    }),
  ];
}
