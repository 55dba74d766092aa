import { createTenant, findTenant, listTenants } from '../../../domains/accounts';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { newTenantSchema, tenantPageSchema, tenantParams, tenantQuery, tenantSchema, tenantView } from './schemas';

const TAG = 'Tenants';
const CURSOR = byId('tenants');

export function tenantRoutes({ pool, reads }: Pick<DoorContext, 'pool' | 'reads'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/tenants',
      operationId: 'createTenant',
      tag: TAG,
      summary: 'Create a tenant',
      description: 'Everything but tenants belongs to one tenant and is invisible to the others.',
      scope: 'admin',
      body: newTenantSchema,
      responses: {
        201: { description: 'The tenant.', body: tenantSchema, headers: { Location: "The tenant's path." } },
      },
      handler: async ({ body }, context) => {
        const tenant = await createTenant({ pool }, context, body);
        return { status: 201, headers: { location: `/v1/tenants/${tenant.id}` }, body: tenantView(tenant) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/tenants',
      operationId: 'listTenants',
      tag: TAG,
      summary: 'List tenants, newest first',
      scope: 'admin',
      query: tenantQuery,
      responses: { 200: { description: 'A page of tenants.', body: tenantPageSchema } },
      handler: async ({ query }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        return { status: 200, body: pageBody(CURSOR, request, await listTenants(reads, request), tenantView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/tenants/{id}',
      operationId: 'getTenant',
      tag: TAG,
      summary: 'Get a tenant',
      scope: 'admin',
      params: tenantParams,
      responses: { 200: { description: 'The tenant.', body: tenantSchema } },
      handler: async ({ params }) => {
        const tenant = await findTenant(pool, params.id);
        if (tenant === undefined) throw new Problem('not-found');
        return { status: 200, body: tenantView(tenant) };
      },
    }),
  ];
}
