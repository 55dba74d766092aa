import {
  expireMessageContent,
  findMessage,
  listMessages,
  type MessageSummary,
  type Publisher,
  webhooksConfig,
} from '../../../domains/webhooks';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { accepted } from './accepted';
import {
  messagePageSchema,
  messageParams,
  messageQuery,
  messageSchema,
  messageSummaryView,
  messageView,
  newMessageSchema,
  publishedSchema,
  publishedView,
  publishHeaders,
  publishInput,
} from './schemas';

const TAG = 'Messages';
const CURSOR = byId('messages');

export function messageRoutes(
  deps: Pick<DoorContext, 'settings' | 'pool' | 'reads' | 'workflowUrl'> & { publisher: Publisher },
): Route[] {
  const { pool, reads, publisher, workflowUrl } = deps;
  const retentionMs = deps.settings.of(webhooksConfig).WAYBILL_CONTENT_RETENTION;

  return [
    route({
      method: 'post',
      path: '/v1/messages',
      operationId: 'publishMessage',
      tag: TAG,
      summary: 'Publish a message',
      description:
        'Answers once the message is durable; it goes to every endpoint that wants its event type and channels. ' +
        'Repeat the request with the same `Idempotency-Key` or `eventId` as often as needed: the message is sent once.',
      scope: 'messages:write',
      idempotency: 'own',
      headers: publishHeaders,
      body: newMessageSchema,
      rawMembers: ['payload'],
      responses: {
        202: {
          description: 'The message is accepted, now or by an earlier request.',
          body: publishedSchema,
          headers: { Location: "The message's path." },
        },
      },
      problems: ['idempotency-key-reuse'],
      handler: async ({ headers, body }, { tenantId }) => {
        const result = accepted(await publisher.publish(publishInput(tenantId, body, headers['idempotency-key'])));
        return {
          status: 202,
          headers: { location: `/v1/messages/${result.id}` },
          body: publishedView(result, body, workflowUrl),
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/messages',
      operationId: 'listMessages',
      tag: TAG,
      summary: 'List messages, newest first',
      scope: 'messages:read',
      query: messageQuery,
      responses: { 200: { description: 'A page of messages without payloads.', body: messagePageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listMessages(reads, tenantId, query, request);
        const view = (message: MessageSummary) => messageSummaryView(message, retentionMs);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/messages/{id}',
      operationId: 'getMessage',
      tag: TAG,
      summary: 'Get a message with its payload',
      scope: 'messages:read',
      params: messageParams,
      responses: { 200: { description: 'The message.', body: messageSchema } },
      handler: async ({ params }, { tenantId }) => {
        const message = await findMessage(pool, tenantId, params.id);
        if (message === undefined) throw new Problem('not-found');
        return { status: 200, body: messageView(message, retentionMs) };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/messages/{id}/content',
      operationId: 'expireMessageContent',
      tag: TAG,
      summary: "Forget a message's payload now",
      description:
        'The message and its log stay, without what receivers answered. Deliveries that still wait become dead letters when next due.',
      scope: 'messages:write',
      params: messageParams,
      responses: { 204: { description: 'The payload is forgotten.' } },
      handler: async ({ params }, { tenantId }) => {
        if (!(await expireMessageContent(pool, tenantId, params.id))) throw new Problem('not-found');
        return { status: 204 };
      },
    }),
  ];
}
