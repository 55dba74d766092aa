import { findPriorityRules, putPriorityRules } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { priorityRulesChangeSchema, priorityRulesInput, priorityRulesSchema, priorityRulesView } from './schemas';

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
      responses: { 200: { description: 'The rules; without any, all of them are empty.', body: priorityRulesSchema } },
      handler: async (_, { tenantId }) => ({
        status: 200,
        body: priorityRulesView(await findPriorityRules(pool, tenantId)),
      }),
    }),
    route({
      method: 'patch',
      path: '/v1/priority-rules',
      operationId: 'updatePriorityRules',
      tag: TAG,
      summary: 'Lay down the days that matter',
      description: 'They count for messages that are accepted ten seconds later, or sooner.',
      scope: 'event-types:write',
      body: priorityRulesChangeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The rules as they are now.', body: priorityRulesSchema } },
      handler: async ({ body }, { tenantId }) => ({
        status: 200,
        body: priorityRulesView(await putPriorityRules(pool, tenantId, priorityRulesInput(body))),
      }),
    }),
  ];
}
