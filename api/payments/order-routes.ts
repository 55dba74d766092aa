import { cancelOrder, createOrder, findOrder, listOrders, payOrder } from '../../domains/payments';
import { byId, pageBody, pageRequest } from '../http/cursor';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import type { PaymentRouteDeps } from './deps';
import { newOrderSchema, orderPageSchema, orderParams, orderQuery, orderSchema, orderView } from './order-schemas';
import { PAYMENT_ANSWERS, paymentAnswer } from './payment-answer';
import { payOrderSchema } from './payment-schemas';

const TAG = 'Orders';
const CURSOR = byId('orders');

export function orderRoutes(deps: PaymentRouteDeps): Route[] {
  const { pool, reads } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/orders',
      operationId: 'createOrder',
      tag: TAG,
      summary: 'Create an order',
      scope: 'payments:write',
      idempotency: 'required',
      body: newOrderSchema,
      responses: {
        201: { description: 'The order, to be paid.', body: orderSchema, headers: { Location: "The order's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ body }, context) => {
        const order = await createOrder(deps, context, { ...body, reference: body.reference });
        return { status: 201, headers: { location: `/v1/orders/${order.id}` }, body: orderView(order) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/orders',
      operationId: 'listOrders',
      tag: TAG,
      summary: 'List orders, newest first',
      scope: 'payments:read',
      query: orderQuery,
      responses: { 200: { description: 'A page of orders.', body: orderPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listOrders(reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, orderView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/orders/{id}',
      operationId: 'getOrder',
      tag: TAG,
      summary: 'Get an order',
      scope: 'payments:read',
      params: orderParams,
      responses: { 200: { description: 'The order.', body: orderSchema } },
      handler: async ({ params }, { tenantId }) => {
        const order = await findOrder(pool, tenantId, params.id);
        if (order === undefined) throw new Problem('not-found');
        return { status: 200, body: orderView(order) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/orders/{id}/pay',
      operationId: 'payOrder',
      tag: TAG,
      summary: 'Pay an order',
      description: 'As `POST /v1/payments` with this order.',
      scope: 'payments:write',
      idempotency: 'required',
      replay: 'live',
      params: orderParams,
      body: payOrderSchema,
      responses: PAYMENT_ANSWERS,
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) =>
        paymentAnswer(await payOrder(deps, context, params.id, body.source), deps.workflowUrl),
    }),
    route({
      method: 'post',
      path: '/v1/orders/{id}/cancel',
      operationId: 'cancelOrder',
      tag: TAG,
      summary: 'Cancel an order',
      description: 'Only if it is neither paid nor being paid. A paid order is refunded instead.',
      scope: 'payments:write',
      idempotency: 'required',
      params: orderParams,
      responses: { 200: { description: 'It is cancelled.', body: orderSchema } },
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: orderView(await cancelOrder(deps, tenantId, params.id)),
      }),
    }),
  ];
}
