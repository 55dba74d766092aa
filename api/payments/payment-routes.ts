import { findPayment, listPayments, resolvePayment, resumePayment } from '../../domains/payments';
import { WAITING_ANSWER, waitingAnswer } from '../http/approval-schemas';
import { byId, pageBody, pageRequest } from '../http/cursor';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import type { PaymentRouteDeps } from './deps';
import { PAYMENT_ANSWERS, paymentAnswer } from './payment-answer';
import {
  newPaymentSchema,
  paymentPageSchema,
  paymentParams,
  paymentQuery,
  paymentSchema,
  paymentView,
  resolutionOf,
  resolvePaymentSchema,
} from './payment-schemas';

const TAG = 'Payments';
const CURSOR = byId('payments');

export function paymentOnlyRoutes(deps: PaymentRouteDeps): Route[] {
  const { pool, reads, workflowUrl } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/payments',
      operationId: 'createPayment',
      tag: TAG,
      summary: 'Pay an order',
      description:
        'Authorises and captures, or takes the money from a wallet, and waits up to ten seconds for the result. However ' +
        'often it is repeated with its key, and whatever fails on the way, the customer is charged at most once. A ' +
        'declined payment is a result, not an error; the order can then be paid again.',
      scope: 'payments:write',
      idempotency: 'kept',
      body: newPaymentSchema,
      responses: PAYMENT_ANSWERS,
      problems: ['wrong-state'],
      handler: async ({ body }, { tenantId, requestKey }) =>
        paymentAnswer(await deps.paying.pay({ ...body, tenantId, requestKey }), workflowUrl),
    }),
    route({
      method: 'get',
      path: '/v1/payments',
      operationId: 'listPayments',
      tag: TAG,
      summary: 'List payments, newest first',
      scope: 'payments:read',
      query: paymentQuery,
      responses: { 200: { description: 'A page of payments.', body: paymentPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listPayments(reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (payment) => paymentView(payment, workflowUrl)) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/payments/{id}',
      operationId: 'getPayment',
      tag: TAG,
      summary: 'Get a payment',
      scope: 'payments:read',
      params: paymentParams,
      responses: { 200: { description: 'The payment.', body: paymentSchema } },
      handler: async ({ params }, { tenantId }) => {
        const payment = await findPayment(pool, tenantId, params.id);
        if (payment === undefined) throw new Problem('not-found');
        return { status: 200, body: paymentView(payment, workflowUrl) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/payments/{id}/resume',
      operationId: 'resumePayment',
      tag: TAG,
      summary: 'Resume a payment that needs review',
      description:
        'Asks the provider how it stands, and continues: posts what was taken, or makes the payment if nothing was.',
      scope: 'payments:write',
      params: paymentParams,
      responses: {
        202: {
          description: 'Its workflow takes it up again.',
          body: paymentSchema,
          headers: { Location: "The payment's path." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params }, context) => {
        const payment = await resumePayment(deps, context, params.id);
        const headers = { location: `/v1/payments/${payment.id}` };
        return { status: 202, headers, body: paymentView(payment, workflowUrl) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/payments/{id}/resolve',
      operationId: 'resolvePayment',
      tag: TAG,
      summary: 'Say what became of a payment that needs review',
      description:
        'For what the provider cannot be asked about any more. Posts what follows, moves the order, and is in the audit log. ' +
        'From `WAYBILL_REVIEW_FOUR_EYES_FROM` on, another API key has to approve it.',
      scope: 'payments:review',
      idempotency: 'required',
      params: paymentParams,
      body: resolvePaymentSchema,
      responses: {
        200: { description: 'The payment, resolved.', body: paymentSchema },
        202: WAITING_ANSWER,
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) => {
        const request = { resolution: resolutionOf(body), note: body.note };
        const { payment, approval } = await resolvePayment(deps, context, params.id, request);
        if (approval.state === 'waiting') return waitingAnswer(approval);
        return { status: 200, body: paymentView(payment, workflowUrl) };
      },
    }),
  ];
}
