import { z } from 'zod';
import { addDestination, listDestinations, removeDestination, requireSubscriber } from '../../domains/preferences';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { idSchema, pageQuery } from '../http/schemas';
import { subscriberParams } from './shared-schemas';
import { destinationPageSchema, destinationSchema, destinationView, newDestinationSchema } from './subscriber-schemas';

const TAG = 'Subscribers';
const CURSOR = byId('destinations');
const PATH = '/v1/subscribers/{id}/destinations';

const destinationParams = subscriberParams.extend({
  destinationId: idSchema('dst').meta({ description: 'The destination.' }),
});

export function destinationRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'addDestination',
      tag: TAG,
      summary: 'Add a destination',
      description: 'An address that they have already, in whatever spelling, stays as it is, and is answered with 200.',
      scope: 'subscribers:write',
      params: subscriberParams,
      body: newDestinationSchema,
      responses: {
        200: { description: 'They had it already.', body: destinationSchema },
        201: { description: 'The destination.', body: destinationSchema },
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, keyId, effectId, fence }) => {
        const effect = { tenantId, keyId, effectId, fence };
        const { destination, isNew } = await addDestination(context, effect, params.id, body);
        return { status: isNew ? 201 : 200, body: destinationView(context, destination) };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listDestinations',
      tag: TAG,
      summary: "List a subscriber's destinations, oldest first",
      scope: 'subscribers:read',
      params: subscriberParams,
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of destinations.', body: destinationPageSchema } },
      handler: async ({ params, query }, { tenantId }) => {
        await requireSubscriber(pool, tenantId, params.id);
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listDestinations(reads, params.id, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (one) => destinationView(context, one)) };
      },
    }),
    route({
      method: 'delete',
      path: `${PATH}/{destinationId}`,
      operationId: 'removeDestination',
      tag: TAG,
      summary: 'Remove a destination',
      description: 'Suppressions of the address stay.',
      scope: 'subscribers:write',
      params: destinationParams,
      responses: { 204: { description: 'It is removed.' } },
      handler: async ({ params }, { tenantId, keyId }) => {
        await removeDestination(context, { tenantId, keyId, id: params.id }, params.destinationId);
        return { status: 204 };
      },
    }),
  ];
}
