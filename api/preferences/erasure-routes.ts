import { z } from 'zod';
import {
  ERASED_KINDS,
  type Erasure,
  requestErasure,
  requireErasure,
  subscriberErasureWorkflowId,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText } from '../http/schemas';
import { subscriberParams } from './shared-schemas';

const TAG = 'Subscribers';
const PATH = '/v1/subscribers/{id}/erasure';

const kinds = Object.fromEntries(
  Object.entries(ERASED_KINDS).map(([kind, what]) => [kind, z.int().meta({ description: `How many ${what}.` })]),
);

const erasureSchema = z
  .object({
    subscriberId: idSchema('sub').meta({ description: 'Who was erased.' }),
    state: z.enum(['erasing', 'done']).meta({
      description: '`erasing`: who they were is gone, and what they were sent is going. `done`: nothing of it is left.',
    }),
    counts: z.object(kinds).meta({ id: 'ErasedCounts', description: 'What is gone so far, besides profile and key.' }),
    requestedBy: z.string().meta({ description: 'The API key.' }),
    requestedAt: momentText.meta({ description: 'From then on nothing is sent to them.' }),
    doneAt: momentText.nullable().meta({ description: 'Null while it goes on.' }),
    workflowUrl: z.string(),
  })
  .meta({ id: 'SubscriberErasure' });

export function erasureRoutes(context: DoorContext): Route[] {
  const view = ({ subscriberId, state, counts, requestedBy, requestedAt, doneAt }: Erasure) => ({
    subscriberId,
    state,
    counts: { ...Object.fromEntries(Object.keys(ERASED_KINDS).map((kind) => [kind, 0])), ...counts },
    requestedBy,
    requestedAt: moment(requestedAt),
    doneAt: doneAt === undefined ? null : moment(doneAt),
    workflowUrl: context.workflowUrl(subscriberErasureWorkflowId(subscriberId)),
  });
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'createSubscriberErasure',
      tag: TAG,
      summary: 'Erase a subscriber, and say what was erased',
      description:
        'Like `DELETE /v1/subscribers/{id}`: once it is answered, who they are is gone and nothing more is sent to them. What ' +
        'they were sent goes next: see `state`. Of one who is erased already it says how far that has got.',
      scope: 'subscribers:write',
      params: subscriberParams,
      responses: {
        202: { description: 'They are erased.', body: erasureSchema, headers: { Location: "The erasure's path." } },
      },
      handler: async ({ params: { id } }, { tenantId, keyId }) => {
        const erasure = await requestErasure(context, { tenantId, keyId, id });
        const headers = { location: `/v1/subscribers/${id}/erasure` };
        return { status: 202, headers, body: view(erasure) };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'getSubscriberErasure',
      tag: TAG,
      summary: 'Get what was erased of a subscriber',
      scope: 'subscribers:read',
      params: subscriberParams,
      responses: { 200: { description: 'The erasure, in numbers.', body: erasureSchema } },
      handler: async ({ params: { id } }, { tenantId }) => ({
        status: 200,
        body: view(await requireErasure(context, tenantId, id)),
      }),
    }),
  ];
}
