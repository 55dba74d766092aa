import { changePriorityRules, findPriorityRules, type PriorityRules } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { ETAG, etag, ifMatchHeaders } from '../../http/etag';
import { type Route, route } from '../../http/route';
import { priorityRulesChangeSchema, priorityRulesSchema, priorityRulesView, weekdaysOf } from './schemas';

const TAG = 'Event types';

export function priorityRoutes({ pool }: Pick<DoorContext, 'pool'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/priority-rules',
      operationId: 'getPriorityRules',
      tag: TAG,
      summary: 'Get the days that matter',
      scope: 'event-types:read',
      responses: {
        200: {
          description: 'The rules; without any, all of them are empty.',
          body: priorityRulesSchema,
          headers: ETAG,
        },
      },
      handler: async (_, { tenantId }) => shown(await findPriorityRules(pool, tenantId)),
    }),
    route({
      method: 'patch',
      path: '/v1/priority-rules',
      operationId: 'updatePriorityRules',
      tag: TAG,
      summary: 'Lay down the days that matter',
      description: 'They count for messages that are accepted ten seconds later, or sooner.',
      scope: 'event-types:write',
      headers: ifMatchHeaders,
      body: priorityRulesChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The rules as they are now.', body: priorityRulesSchema, headers: ETAG } },
      handler: async ({ headers, body }, { tenantId }) =>
        shown(await changePriorityRules(pool, { tenantId, expected: headers['if-match'] }, weekdaysOf(body))),
    }),
  ];
}

function shown(rules: PriorityRules) {
  return { status: 200 as const, headers: etag({ version: rules.revision }), body: priorityRulesView(rules) };
}
