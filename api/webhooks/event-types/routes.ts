import {
  changeEventType,
  createEventType,
  deleteEventType,
  type EventType,
  findEventType,
  listEventTypes,
} from '../../../domains/webhooks';
import { type CursorKind, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { ETAG, etag, ifMatchHeaders } from '../../http/etag';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import {
  eventTypeChangeSchema,
  eventTypePageSchema,
  eventTypeParams,
  eventTypeQuery,
  eventTypeSchema,
  eventTypeView,
  newEventTypeSchema,
} from './schemas';

const TAG = 'Event types';
const CURSOR: CursorKind = { list: 'event-types', isKey: (text) => /^[A-Za-z0-9._-]+$/.test(text) };
const ARCHIVED = { true: true, false: false, any: undefined };

export function eventTypeRoutes({ pool, reads }: Pick<DoorContext, 'pool' | 'reads'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/event-types',
      operationId: 'createEventType',
      tag: TAG,
      summary: 'Describe an event type',
      description: 'The catalogue is for people: messages of other types are accepted as well.',
      scope: 'event-types:write',
      body: newEventTypeSchema,
      responses: {
        201: {
          description: 'The event type.',
          body: eventTypeSchema,
          headers: { Location: "The event type's path.", ...ETAG },
        },
      },
      problems: ['already-exists'],
      handler: async ({ body }, { tenantId }) => {
        const eventType = await createEventType(pool, tenantId, body);
        const location = `/v1/event-types/${eventType.name}`;
        return { status: 201, headers: { location, ...etagOf(eventType) }, body: eventTypeView(eventType) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/event-types',
      operationId: 'listEventTypes',
      tag: TAG,
      summary: 'List event types by name',
      scope: 'event-types:read',
      query: eventTypeQuery,
      responses: { 200: { description: 'A page of event types.', body: eventTypePageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listEventTypes(reads, tenantId, { archived: ARCHIVED[query.archived] }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, eventTypeView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/event-types/{name}',
      operationId: 'getEventType',
      tag: TAG,
      summary: 'Get an event type',
      scope: 'event-types:read',
      params: eventTypeParams,
      responses: { 200: { description: 'The event type.', body: eventTypeSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const eventType = await findEventType(pool, tenantId, params.name);
        if (eventType === undefined) throw new Problem('not-found');
        return shown(eventType);
      },
    }),
    route({
      method: 'patch',
      path: '/v1/event-types/{name}',
      operationId: 'updateEventType',
      tag: TAG,
      summary: 'Change or archive an event type',
      description: 'An archived event type is left out of lists; nothing else changes.',
      scope: 'event-types:write',
      params: eventTypeParams,
      headers: ifMatchHeaders,
      body: eventTypeChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The event type as it is now.', body: eventTypeSchema, headers: ETAG } },
      handler: async ({ params, headers, body }, { tenantId }) =>
        shown(await changeEventType(pool, { tenantId, name: params.name, expected: headers['if-match'] }, body)),
    }),
    route({
      method: 'delete',
      path: '/v1/event-types/{name}',
      operationId: 'deleteEventType',
      tag: TAG,
      summary: 'Remove an event type from the catalogue',
      scope: 'event-types:write',
      params: eventTypeParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is removed.' } },
      handler: async ({ params, headers }, { tenantId }) => {
        await deleteEventType(pool, { tenantId, name: params.name, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
  ];
}

function shown(eventType: EventType) {
  return { status: 200 as const, headers: etagOf(eventType), body: eventTypeView(eventType) };
}

function etagOf({ revision: version }: EventType) {
  return etag({ version });
}
