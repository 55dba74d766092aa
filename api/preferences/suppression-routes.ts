import {
  changeExpiry,
  findSuppression,
  LIFT_SCOPE,
  liftSuppression,
  listSuppressions,
  type Suppression,
  suppress,
} from '../../domains/preferences';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  filterOf,
  liftSchema,
  newSuppressionSchema,
  suppressionChangeSchema,
  suppressionPageSchema,
  suppressionParams,
  suppressionQuery,
  suppressionSchema,
  suppressionView,
} from './suppression-schemas';

const TAG = 'Suppressions';
const PATH = '/v1/suppressions';
const CURSOR = byId('suppressions');
const PRIVILEGE =
  'For the reasons `bounce`, `complaint`, `legal`, `erasure` and `invalid` it takes a key with the scope ' +
  `\`${LIFT_SCOPE}\` as well.`;

export function suppressionRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const one = { 200: { description: 'The suppression as it is now.', body: suppressionSchema, headers: ETAG } };
  const view = (suppression: Suppression) => suppressionView(context, suppression);
  const shown = (suppression: Suppression) => ({
    status: 200 as const,
    headers: etag({ version: suppression.revision }),
    body: view(suppression),
  });

  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'createSuppression',
      tag: TAG,
      summary: 'Suppress an address',
      description:
        'Once it is answered, nothing is sent that it stops, to nobody who has the address in whatever spelling. One like it ' +
        'that is in force lasts as long as the longer of the two, and is answered with 200. `user_request` stops what a ' +
        'subscriber may refuse; every other reason stops what is required, too.',
      scope: 'suppressions:write',
      body: newSuppressionSchema,
      responses: {
        ...one,
        201: {
          description: 'The suppression.',
          body: suppressionSchema,
          headers: { Location: "The suppression's path.", ...ETAG },
        },
      },
      handler: async ({ body }, { tenantId, keyId, effectId, fence }) => {
        const wish = { ...body, expiresAt: body.expiresAt ?? undefined };
        const { suppression, outcome } = await suppress(context, { tenantId, keyId, effectId, fence }, wish);
        if (outcome !== 'made') return shown(suppression);
        const location = `${PATH}/${suppression.id}`;
        return { ...shown(suppression), status: 201, headers: { location, ...shown(suppression).headers } };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listSuppressions',
      tag: TAG,
      summary: 'List or search suppressions, newest first',
      scope: 'suppressions:read',
      query: suppressionQuery,
      responses: { 200: { description: 'A page of suppressions.', body: suppressionPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const { limit: _limit, cursor: _cursor, order: _order, ...filter } = query;
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listSuppressions(reads, tenantId, await filterOf(context, tenantId, filter), request);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}`,
      operationId: 'getSuppression',
      tag: TAG,
      summary: 'Get a suppression',
      scope: 'suppressions:read',
      params: suppressionParams,
      responses: one,
      handler: async ({ params }, { tenantId }) => {
        const suppression = await findSuppression(pool, tenantId, params.id);
        if (suppression === undefined) throw new Problem('not-found');
        return shown(suppression);
      },
    }),
    route({
      method: 'patch',
      path: `${PATH}/{id}`,
      operationId: 'updateSuppression',
      tag: TAG,
      summary: 'Change when a suppression ends',
      description: `To have it end sooner is as to lift it. ${PRIVILEGE}`,
      scope: 'suppressions:write',
      params: suppressionParams,
      headers: ifMatchHeaders,
      body: suppressionChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: one,
      problems: ['wrong-state'],
      handler: async ({ params, headers, body }, { tenantId, keyId, scopes }) => {
        const mayLiftProtected = scopes.allows(LIFT_SCOPE);
        const command = { tenantId, keyId, id: params.id, expected: headers['if-match'], mayLiftProtected };
        return shown(await changeExpiry(context, command, body.expiresAt ?? undefined));
      },
    }),
    route({
      method: 'post',
      path: `${PATH}/{id}/lift`,
      operationId: 'liftSuppression',
      tag: TAG,
      summary: 'Lift a suppression',
      description: `It no longer counts, and stays as a record. ${PRIVILEGE}`,
      scope: 'suppressions:write',
      params: suppressionParams,
      headers: ifMatchHeaders,
      body: liftSchema,
      responses: one,
      problems: ['wrong-state'],
      handler: async ({ params, headers, body }, { tenantId, keyId, scopes }) => {
        const mayLiftProtected = scopes.allows(LIFT_SCOPE);
        const command = { tenantId, keyId, id: params.id, expected: headers['if-match'], mayLiftProtected };
        return shown(await liftSuppression(context, command, body.reason));
      },
    }),
  ];
}
