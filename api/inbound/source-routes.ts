import {
  changeSource,
  createSource,
  deleteSource,
  findSource,
  type InboundSource,
  listSources,
  showBlocks,
  unblockSource,
} from '../../domains/inbound';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  blocksSchema,
  blockView,
  changeOf,
  createdSourceSchema,
  newSourceSchema,
  settingsOf,
  sourceChangeSchema,
  sourcePageSchema,
  sourceParams,
  sourceQuery,
  sourceSchema,
  sourceView,
} from './source-schemas';

const TAG = 'Inbound sources';
const CURSOR = byId('inbound-sources');

export function sourceRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const one = { 200: { description: 'The source as it is now.', body: sourceSchema, headers: ETAG } };
  const shown = (source: InboundSource) => ({
    status: 200 as const,
    headers: etag({ version: source.revision }),
    body: sourceView(source),
  });

  return [
    route({
      method: 'post',
      path: '/v1/inbound/sources',
      operationId: 'createInboundSource',
      tag: TAG,
      summary: 'Register a sender of webhooks',
      description:
        'The answer shows the address that the sender posts to, and the secret that it signs with, if it has one.',
      scope: 'inbound:write',
      answersSecret: true,
      body: newSourceSchema,
      responses: {
        201: {
          description: 'The source.',
          body: createdSourceSchema,
          headers: { Location: "The source's path.", ...ETAG },
        },
      },
      handler: async ({ body }, { tenantId, keyId, effectId, fence }) => {
        const input = { ...settingsOf(body), secret: body.secret };
        const { source, secret } = await createSource(context, { tenantId, keyId, effectId, fence }, input);
        return {
          status: 201,
          headers: { location: `/v1/inbound/sources/${source.id}`, ...etag({ version: source.revision }) },
          body: { ...sourceView(source), secret: secret ?? null },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/inbound/sources',
      operationId: 'listInboundSources',
      tag: TAG,
      summary: 'List sources, oldest first',
      scope: 'inbound:read',
      query: sourceQuery,
      responses: { 200: { description: 'A page of sources.', body: sourcePageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listSources(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, sourceView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/inbound/sources/{id}',
      operationId: 'getInboundSource',
      tag: TAG,
      summary: 'Get a source',
      scope: 'inbound:read',
      params: sourceParams,
      responses: { 200: { description: 'The source.', body: sourceSchema, headers: ETAG } },
      handler: async ({ params }, { tenantId }) => {
        const source = await findSource(pool, tenantId, params.id);
        if (source === undefined) throw new Problem('not-found');
        return shown(source);
      },
    }),
    route({
      method: 'patch',
      path: '/v1/inbound/sources/{id}',
      operationId: 'updateInboundSource',
      tag: TAG,
      summary: 'Change a source',
      description:
        'What is left out stays; `signing`, `eventId` and `route` are replaced as a whole. It counts from the next request on, ' +
        'and for events that are not processed yet.',
      scope: 'inbound:write',
      params: sourceParams,
      headers: ifMatchHeaders,
      body: sourceChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: one,
      handler: async ({ params, headers, body }, { tenantId, keyId }) => {
        const command = { tenantId, keyId, id: params.id, expected: headers['if-match'] };
        return shown(await changeSource(context, command, changeOf(body)));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/inbound/sources/{id}',
      operationId: 'deleteInboundSource',
      tag: TAG,
      summary: 'Delete a source',
      description: 'Its requests are refused from now on. Events that it has sent stay, and are processed.',
      scope: 'inbound:write',
      params: sourceParams,
      headers: ifMatchHeaders,
      responses: { 204: { description: 'It is deleted.' } },
      handler: async ({ params, headers }, { tenantId, keyId }) => {
        await deleteSource(context, { tenantId, keyId, id: params.id, expected: headers['if-match'] });
        return { status: 204 };
      },
    }),
    route({
      method: 'get',
      path: '/v1/inbound/sources/{id}/blocks',
      operationId: 'listInboundBlocks',
      tag: TAG,
      summary: 'List addresses that are blocked at a source',
      description: 'An address is blocked for a while when its requests were refused again and again. 100 at most.',
      scope: 'inbound:read',
      params: sourceParams,
      responses: { 200: { description: 'The addresses.', body: blocksSchema } },
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: { data: (await showBlocks(context, tenantId, params.id)).map(blockView) },
      }),
    }),
    route({
      method: 'delete',
      path: '/v1/inbound/sources/{id}/blocks',
      operationId: 'unblockInboundSource',
      tag: TAG,
      summary: "Lift a source's blocks",
      description: 'For instance when the secret is corrected. Every process goes by it within two seconds.',
      scope: 'inbound:write',
      params: sourceParams,
      responses: { 204: { description: 'No address is blocked.' } },
      handler: async ({ params }, { tenantId, keyId }) => {
        await unblockSource(context, { tenantId, keyId, id: params.id });
        return { status: 204 };
      },
    }),
  ];
}
