import { findBusiness } from '../../../domains/merchants';
import { changeBusiness } from '../../../domains/settlement';
import type { DoorContext } from '../../http/door';
import { ETAG, etag, ifMatchHeaders } from '../../http/etag';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { businessChangeSchema, businessSchema, businessView } from './schemas';

const TAG = 'Business';

export function businessRoutes(deps: Pick<DoorContext, 'pool' | 'client' | 'config' | 'log'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/business',
      operationId: 'getBusiness',
      tag: TAG,
      summary: 'Get when the business day ends, and how fees are treated',
      scope: 'finance:read',
      responses: { 200: { description: 'The business.', body: businessSchema, headers: ETAG } },
      problems: ['not-found'],
      handler: async (_input, { tenantId }) => {
        const business = await findBusiness(deps.pool, tenantId);
        if (business === undefined) throw new Problem('not-found');
        return { status: 200, headers: etag(business), body: businessView(business) };
      },
    }),
    route({
      method: 'patch',
      path: '/v1/business',
      operationId: 'changeBusiness',
      tag: TAG,
      summary: 'Make the tenant a business, or change it',
      description:
        'From then on every business day is settled at its cut-off, in the given time zone. A change of zone or cut-off ' +
        'applies to days that have no settlement yet; the first of them begins where the last one ended. Days that are ' +
        'over already, by an earlier cut-off or a past first day, are settled at once.',
      scope: 'finance:write',
      headers: ifMatchHeaders,
      body: businessChangeSchema,
      responses: { 200: { description: 'The business as it is now.', body: businessSchema, headers: ETAG } },
      handler: async ({ headers, body: { grace, ...change } }, context) => {
        const wanted = { ...change, graceMs: grace };
        const business = await changeBusiness(deps, context, wanted, headers['if-match']);
        return { status: 200, headers: etag(business), body: businessView(business) };
      },
    }),
  ];
}
