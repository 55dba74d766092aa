import { changeTopic, createTopic, findTopic, listTopics, removeTopic, type Topic } from '../../domains/preferences';
import { type CursorKind, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  catalogueQuery,
  keyParams,
  newTopicSchema,
  topicChangeSchema,
  topicPageSchema,
  topicSchema,
  topicView,
} from './catalogue-schemas';

const TAG = 'Categories and topics';
const CURSOR: CursorKind = { list: 'topics', isKey: (text) => /^[A-Za-z0-9._-]+$/.test(text) };

export function topicRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const shownTopic = (topic: Topic) => ({
    status: 200 as const,
    headers: etag({ version: topic.revision }),
    body: topicView(topic),
  });
  return [
    route({
      method: 'post',
      path: '/v1/topics',
      operationId: 'createTopic',
      tag: TAG,
      summary: 'Lay down a topic',
      scope: 'preferences:write',
      body: newTopicSchema,
      responses: {
        201: {
          description: 'The topic.',
          body: topicSchema,
          headers: { Location: "The topic's path.", ...ETAG },
        },
      },
      problems: ['already-exists'],
      handler: async ({ body: { key, ...fields } }, { tenantId, keyId }) => {
        const made = shownTopic(await createTopic(context, { tenantId, keyId, key }, fields));
        return { ...made, status: 201, headers: { location: `/v1/topics/${key}`, ...made.headers } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/topics',
      operationId: 'listTopics',
      tag: TAG,
      summary: 'List topics by key',
      scope: 'preferences:read',
      query: catalogueQuery,
      responses: { 200: { description: 'A page of topics.', body: topicPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listTopics(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, topicView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/topics/{key}',
      operationId: 'getTopic',
      tag: TAG,
      summary: 'Get a topic',
      scope: 'preferences:read',
      params: keyParams,
      responses: { 200: { description: 'The topic.', body: topicSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const topic = await findTopic(pool, tenantId, params.key);
        if (topic === undefined) throw new Problem('not-found');
        return shownTopic(topic);
      },
    }),
    route({
      method: 'patch',
      path: '/v1/topics/{key}',
      operationId: 'updateTopic',
      tag: TAG,
      summary: 'Change a topic',
      description: 'What is left out stays. It counts for the next decision.',
      scope: 'preferences:write',
      params: keyParams,
      headers: ifMatchHeaders,
      body: topicChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The topic as it is now.', body: topicSchema, headers: ETAG } },
      handler: async ({ params, headers, body }, { tenantId, keyId }) => {
        const command = { tenantId, keyId, key: params.key, expected: headers['if-match'] };
        return shownTopic(await changeTopic(context, command, body));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/topics/{key}',
      operationId: 'deleteTopic',
      tag: TAG,
      summary: 'Remove a topic',
      description: 'What subscribers have chosen of it stays, should it come back.',
      scope: 'preferences:write',
      params: keyParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is removed.' } },
      handler: async ({ params, headers }, { tenantId, keyId }) => {
        await removeTopic(context, { tenantId, keyId, key: params.key, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
  ];
}
