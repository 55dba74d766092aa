import type { PublicId } from '../../../core/ids';
import {
  cancelDelivery,
  type Delivery,
  findAttempt,
  findDelivery,
  listAttempts,
  listDeliveries,
  retryDelivery,
} from '../../../domains/webhooks';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { invalidField, Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { commandAnswer } from './command-answer';
import {
  attemptPageSchema,
  attemptParams,
  attemptQuery,
  attemptSchema,
  attemptView,
  commandSchema,
  deliveryPageSchema,
  deliveryParams,
  deliveryQuery,
  deliverySchema,
  deliveryView,
} from './schemas';

const TAG = 'Deliveries';
const CURSOR = byId('deliveries');
const ATTEMPT_CURSOR = byId('attempts');
const ACCEPTED = {
  202: {
    description: 'The command is carried out.',
    body: commandSchema,
    headers: { Location: "The delivery's path." },
  },
};

export function deliveryRoutes(deps: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = deps;
  const view = (delivery: Delivery) => deliveryView(delivery, workflowUrl);

  async function find(tenantId: PublicId, id: PublicId): Promise<Delivery> {
    const delivery = await findDelivery(pool, tenantId, id);
    if (delivery === undefined) throw new Problem('not-found');
    return delivery;
  }

  return [
    route({
      method: 'get',
      path: '/v1/deliveries',
      operationId: 'listDeliveries',
      tag: TAG,
      summary: 'List deliveries, newest first',
      description: 'A delivery is one message on its way to one endpoint.',
      scope: 'deliveries:read',
      query: deliveryQuery,
      responses: { 200: { description: 'A page of deliveries.', body: deliveryPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        // What it reopens next may be older than where the reader is.
        if (query.replayId !== undefined && request.follow === true) {
          throw invalidField('query', '#/replayId', 'cannot be given for a list that is followed');
        }
        const page = await listDeliveries(reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}',
      operationId: 'getDelivery',
      tag: TAG,
      summary: 'Get a delivery',
      scope: 'deliveries:read',
      params: deliveryParams,
      responses: { 200: { description: 'The delivery.', body: deliverySchema } },
      handler: async ({ params }, { tenantId }) => ({ status: 200, body: view(await find(tenantId, params.id)) }),
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}/attempts',
      operationId: 'listAttempts',
      tag: TAG,
      summary: "List a delivery's attempts, oldest first",
      scope: 'deliveries:read',
      params: deliveryParams,
      query: attemptQuery,
      responses: { 200: { description: 'A page of attempts.', body: attemptPageSchema } },
      handler: async ({ params, query }, { tenantId }) => {
        const request = pageRequest(ATTEMPT_CURSOR, query, 'asc');
        const delivery = await find(tenantId, params.id);
        const page = await listAttempts(reads, delivery.id, request);
        return { status: 200, body: pageBody(ATTEMPT_CURSOR, request, page, attemptView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}/attempts/{attemptId}',
      operationId: 'getAttempt',
      tag: TAG,
      summary: 'Get an attempt',
      scope: 'deliveries:read',
      params: attemptParams,
      responses: { 200: { description: 'The attempt.', body: attemptSchema } },
      handler: async ({ params }, { tenantId }) => {
        const delivery = await find(tenantId, params.id);
        const attempt = await findAttempt(pool, delivery.id, params.attemptId);
        if (attempt === undefined) throw new Problem('not-found');
        return { status: 200, body: attemptView(attempt) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/deliveries/{id}/retry',
      operationId: 'retryDelivery',
      tag: TAG,
      summary: 'Attempt a waiting delivery now',
      scope: 'deliveries:write',
      params: deliveryParams,
      responses: ACCEPTED,
      problems: ['wrong-state', 'attempt-in-flight'],
      handler: async ({ params: { id } }, { tenantId }) => {
        const result = await retryDelivery(deps, tenantId, id);
        const hint =
          'only pending and retrying deliveries can be retried; a dead one is retried through its dead letter.';
        return commandAnswer(result, { id, path: `/v1/deliveries/${id}`, hint, workflowUrl });
      },
    }),
    route({
      method: 'post',
      path: '/v1/deliveries/{id}/cancel',
      operationId: 'cancelDelivery',
      tag: TAG,
      summary: 'End a delivery without a further attempt',
      scope: 'deliveries:write',
      params: deliveryParams,
      responses: ACCEPTED,
      problems: ['wrong-state', 'attempt-in-flight'],
      handler: async ({ params: { id } }, { tenantId }) => {
        const result = await cancelDelivery(deps, tenantId, id);
        const hint = 'only pending, retrying and held deliveries can be cancelled.';
        return commandAnswer(result, { id, path: `/v1/deliveries/${id}`, hint, workflowUrl });
      },
    }),
  ];
}
