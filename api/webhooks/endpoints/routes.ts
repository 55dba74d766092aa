import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  type Endpoint,
  findEndpoint,
  listEndpoints,
  moveEndpoint,
  openHeaders,
} from '../../../domains/webhooks';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { ETAG, etag, ifMatchHeaders } from '../../http/etag';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import {
  createdEndpointSchema,
  endpointChangeSchema,
  endpointPageSchema,
  endpointParams,
  endpointQuery,
  endpointSchema,
  endpointView,
  newEndpointSchema,
  stateReasonSchema,
} from './schemas';

const TAG = 'Endpoints';
const CURSOR = byId('endpoints');

export function endpointRoutes(deps: DoorContext): Route[] {
  const { pool, reads, keyring } = deps;
  const view = (endpoint: Endpoint) => endpointView(endpoint, openHeaders(keyring, endpoint));
  const one = { 200: { description: 'The endpoint as it is now.', body: endpointSchema, headers: ETAG } };
  const shown = (endpoint: Endpoint) => ({
    status: 200 as const,
    headers: etag({ version: endpoint.revision }),
    body: view(endpoint),
  });

  return [
    route({
      method: 'post',
      path: '/v1/endpoints',
      operationId: 'createEndpoint',
      tag: TAG,
      summary: 'Register an endpoint',
      description: 'The answer shows the signing secret that the receiver verifies messages with.',
      scope: 'endpoints:write',
      answersSecret: true,
      body: newEndpointSchema,
      responses: {
        201: {
          description: 'The endpoint, enabled.',
          body: createdEndpointSchema,
          headers: { Location: "The endpoint's path.", ...ETAG },
        },
      },
      handler: async ({ body }, context) => {
        const { endpoint, secret } = await createEndpoint(deps, context, body);
        const headers = { location: `/v1/endpoints/${endpoint.id}`, ...etag({ version: endpoint.revision }) };
        return { status: 201, headers, body: { ...view(endpoint), secret } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/endpoints',
      operationId: 'listEndpoints',
      tag: TAG,
      summary: 'List endpoints, newest first',
      scope: 'endpoints:read',
      query: endpointQuery,
      responses: { 200: { description: 'A page of endpoints.', body: endpointPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listEndpoints(reads, tenantId, { state: query.state }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/{id}',
      operationId: 'getEndpoint',
      tag: TAG,
      summary: 'Get an endpoint',
      scope: 'endpoints:read',
      params: endpointParams,
      responses: { 200: { description: 'The endpoint.', body: endpointSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const endpoint = await findEndpoint(pool, tenantId, params.id);
        if (endpoint === undefined) throw new Problem('not-found');
        return shown(endpoint);
      },
    }),
    route({
      method: 'patch',
      path: '/v1/endpoints/{id}',
      operationId: 'updateEndpoint',
      tag: TAG,
      summary: 'Change an endpoint',
      description:
        'A JSON merge patch (RFC 7396): what is left out stays, `headers` and `metadata` are merged, and null removes. ' +
        'Deliveries under way use the change from their next attempt on. A `url` of another origin (scheme, host, port) ' +
        'does not take custom headers along: the request has to give each of them again, or null.',
      scope: 'endpoints:write',
      params: endpointParams,
      headers: ifMatchHeaders,
      body: endpointChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: one,
      handler: async ({ params, headers, body }, { tenantId }) =>
        shown(await changeEndpoint(deps, tenantId, params.id, { ...body, expected: headers['if-match'] })),
    }),
    route({
      method: 'delete',
      path: '/v1/endpoints/{id}',
      operationId: 'deleteEndpoint',
      tag: TAG,
      summary: 'Delete an endpoint',
      description:
        'It gets no further messages; its waiting deliveries are cancelled when they would next be attempted.',
      scope: 'endpoints:write',
      params: endpointParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is deleted.' } },
      handler: async ({ params, headers }, { tenantId }) => {
        await deleteEndpoint(deps, tenantId, params.id, headers['if-match']);
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/enable',
      operationId: 'enableEndpoint',
      tag: TAG,
      summary: 'Enable an endpoint',
      description: 'Deliveries that were held while it was paused or disabled go on.',
      scope: 'endpoints:write',
      params: endpointParams,
      responses: one,
      handler: async ({ params }, { tenantId }) =>
        shown(await moveEndpoint(deps, tenantId, params.id, { state: 'enabled' })),
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/pause',
      operationId: 'pauseEndpoint',
      tag: TAG,
      summary: 'Pause an endpoint',
      description:
        'It goes on getting messages, but their deliveries are held until it is enabled again. A disabled one gets none, ' +
        'and cannot be paused: enable it first.',
      scope: 'endpoints:write',
      params: endpointParams,
      body: stateReasonSchema,
      responses: one,
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId }) =>
        shown(await moveEndpoint(deps, tenantId, params.id, { state: 'paused', reason: body.reason })),
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/disable',
      operationId: 'disableEndpoint',
      tag: TAG,
      summary: 'Disable an endpoint',
      description:
        'It gets no further messages; its waiting deliveries are held until it is enabled, for `holdFor` at most.',
      scope: 'endpoints:write',
      params: endpointParams,
      body: stateReasonSchema,
      responses: one,
      handler: async ({ params, body }, { tenantId }) =>
        shown(await moveEndpoint(deps, tenantId, params.id, { state: 'disabled', reason: body.reason })),
    }),
  ];
}
