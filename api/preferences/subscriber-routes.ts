import {
  changeSubscriber,
  createSubscriber,
  eraseSubscriber,
  hashAddress,
  listSubscribers,
  requireSubscriber,
  type Subscriber,
} from '../../domains/preferences';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { invalidField } from '../http/problems';
import { type Route, route } from '../http/route';
import { subscriberParams } from './shared-schemas';
import {
  newSubscriberSchema,
  subscriberChangeSchema,
  subscriberPageSchema,
  subscriberQuery,
  subscriberSchema,
  subscriberView,
} from './subscriber-schemas';

const TAG = 'Subscribers';
const CURSOR = byId('subscribers');

export function subscriberRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const one = { 200: { description: 'The subscriber as they are now.', body: subscriberSchema, headers: ETAG } };
  const view = (subscriber: Subscriber) => subscriberView(context, subscriber);
  const shown = (subscriber: Subscriber) => ({
    status: 200 as const,
    headers: etag({ version: subscriber.revision }),
    body: view(subscriber),
  });

  return [
    route({
      method: 'post',
      path: '/v1/subscribers',
      operationId: 'createSubscriber',
      tag: TAG,
      summary: 'Register a subscriber',
      scope: 'subscribers:write',
      body: newSubscriberSchema,
      responses: {
        201: {
          description: 'The subscriber.',
          body: subscriberSchema,
          headers: { Location: "The subscriber's path.", ...ETAG },
        },
      },
      problems: ['already-exists'],
      handler: async ({ body }, { tenantId, keyId, effectId, fence }) => {
        const { locale, timeZone, quietHours, ...rest } = body;
        const wish = { ...rest, locale, timeZone, quietHours };
        const subscriber = await createSubscriber(context, { tenantId, keyId, effectId, fence }, wish);
        const { headers } = shown(subscriber);
        return {
          status: 201,
          headers: { location: `/v1/subscribers/${subscriber.id}`, ...headers },
          body: view(subscriber),
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/subscribers',
      operationId: 'listSubscribers',
      tag: TAG,
      summary: 'List subscribers, oldest first',
      scope: 'subscribers:read',
      query: subscriberQuery,
      responses: { 200: { description: 'A page of subscribers.', body: subscriberPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const { channel, address, externalId } = query;
        if ((channel === undefined) !== (address === undefined)) {
          throw invalidField(
            'query',
            `#/${channel === undefined ? 'channel' : 'address'}`,
            'is required with the other',
          );
        }
        const hashed =
          channel === undefined || address === undefined
            ? undefined
            : await hashAddress(context, tenantId, { channel, address });
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listSubscribers(reads, tenantId, { externalId, address: hashed }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/subscribers/{id}',
      operationId: 'getSubscriber',
      tag: TAG,
      summary: 'Get a subscriber',
      scope: 'subscribers:read',
      params: subscriberParams,
      responses: one,
      handler: async ({ params }, { tenantId }) => shown(await requireSubscriber(pool, tenantId, params.id)),
    }),
    route({
      method: 'patch',
      path: '/v1/subscribers/{id}',
      operationId: 'updateSubscriber',
      tag: TAG,
      summary: 'Change a subscriber',
      description: 'What is left out stays; `profile` is replaced as a whole. Quiet hours are among the preferences.',
      scope: 'subscribers:write',
      params: subscriberParams,
      headers: ifMatchHeaders,
      body: subscriberChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: one,
      problems: ['already-exists'],
      handler: async ({ params, headers, body }, { tenantId, keyId }) => {
        const command = { tenantId, keyId, id: params.id, expected: headers['if-match'] };
        return shown(await changeSubscriber(context, command, body));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/subscribers/{id}',
      operationId: 'eraseSubscriber',
      tag: TAG,
      summary: 'Erase a subscriber',
      description:
        'Who they are, their addresses and choices are gone, and their key is destroyed. What stays names nobody: the consent ' +
        'log, and suppressions by the keyed hash of the address, so that nobody who has objected is written to again. What they were sent goes next: `GET /v1/subscribers/{id}/erasure` says how far it has got.',
      scope: 'subscribers:write',
      params: subscriberParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'They are erased.' } },
      handler: async ({ params, headers }, { tenantId, keyId }) => {
        await eraseSubscriber(context, { tenantId, keyId, id: params.id, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
  ];
}
