import { z } from 'zod';
import {
  findRefund,
  isRefundEnded,
  listRefunds,
  REFUND_STATES,
  type Refund,
  resolveRefund,
  resumeRefund,
} from '../../domains/payments';
import { WAITING_ANSWER, waitingAnswer } from '../http/approval-schemas';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import { freeText } from '../http/free-text';
import { amountText } from '../http/money-schemas';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentOrNull, momentText, nonEmptyText, pageQuery, pageSchema } from '../http/schemas';
import type { PaymentRouteDeps } from './deps';
import { priceSchema } from './order-schemas';
import { paymentParams } from './payment-schemas';

const TAG = 'Payments';
const CURSOR = byId('refunds');

/** A refund that has not ended within ten seconds waits for a provider. */
const LOOK_AGAIN_SECONDS = 5;

const newRefundSchema = z
  .strictObject({
    amount: priceSchema.optional().meta({ description: 'Minor units; by default all that is left.', example: '500' }),
    reason: freeText(500).optional(),
  })
  .meta({ id: 'NewRefund', example: { amount: '500', reason: 'One of three came broken' } })
  .prefault({});

const reportedSchema = z.object({
  refundId: z.string().meta({ description: "The provider's id." }),
  reference: z.string(),
  state: z.enum(['pending', 'succeeded', 'failed']),
  amount: amountText,
  currency: z.string().nullable(),
});

const resolutionSchema = z
  .strictObject({
    as: z.enum(['refunded', 'not_refunded', 'written_off']),
    amount: priceSchema
      .optional()
      .meta({ description: 'What went back, or is written off; by default what was asked for.' }),
    providerReference: nonEmptyText(200).optional(),
    reason: freeText(500).meta({ description: 'For the audit log.' }),
  })
  .refine(({ as, amount }) => as !== 'not_refunded' || amount === undefined, {
    path: ['amount'],
    error: 'is not for a refund that was not made',
  })
  .meta({
    id: 'RefundResolution',
    example: { as: 'refunded', amount: '3000', reason: 'The provider refunded 30 of 50' },
  });

const refundSchema = z
  .object({
    id: idSchema('ref'),
    paymentId: idSchema('pay'),
    amount: amountText,
    currency: z.string(),
    reason: z.string().nullable(),
    state: z.enum(REFUND_STATES).meta({
      description: '`written_off`: the business bears it itself, and its part of the payment cannot be refunded again.',
    }),
    failureCode: z.string().nullable().meta({
      description:
        'Why it failed or needs review, such as `amount_mismatch`: the provider made another refund than was asked for.',
    }),
    refundedAmount: amountText.meta({ description: 'What went back, as the ledger has it.' }),
    writtenOffAmount: amountText.meta({ description: 'What the business bears itself.' }),
    providerReference: z.string().nullable().meta({ description: "The provider's id of it." }),
    providerSays: z.array(reportedSchema).nullable().meta({
      description: 'What the provider has, where that is not what was asked for.',
    }),
    refundedAt: momentText.nullable(),
    feeReturned: amountText.nullable().meta({ description: "The part of the capture's fee that went back." }),
    feeTaxReturned: amountText.nullable(),
    workflowId: z.string(),
    workflowUrl: z.string().meta({ description: 'Its page in Temporal Web UI.' }),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Refund' });

const refundParams = z.object({ id: idSchema('pay'), refundId: idSchema('ref') });
const LOCATION = { Location: "The refund's path." };

export function refundRoutes(deps: PaymentRouteDeps): Route[] {
  const view = (refund: Refund) => refundView(refund, deps.workflowUrl);
  const locationOf = ({ paymentId, id }: Refund) => ({ location: `/v1/payments/${paymentId}/refunds/${id}` });

  return [
    route({
      method: 'post',
      path: '/v1/payments/{id}/refunds',
      operationId: 'refundPayment',
      tag: TAG,
      summary: 'Refund a payment, or a part of it',
      description:
        'Calls the provider at once and waits up to ten seconds for the result. However often it is repeated with its key, ' +
        'and whatever fails on the way, the money goes back at most once. Together, refunds and chargebacks never exceed ' +
        'what was captured.',
      scope: 'payments:write',
      idempotency: 'kept',
      params: paymentParams,
      body: newRefundSchema,
      responses: {
        201: { description: 'The refund, ended: `state` says how.', body: refundSchema, headers: LOCATION },
        202: {
          description: 'The refund is in progress: look again, or wait for an event such as `refund.succeeded`.',
          body: refundSchema,
          headers: { ...LOCATION, 'Retry-After': 'Seconds after which to look again.' },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, requestKey }) => {
        const { amount, reason } = body;
        const request = { tenantId, requestKey, paymentId: params.id, amount, reason };
        const { refund, repeated } = await deps.refunding.refund(request);
        const headers = { ...locationOf(refund), ...(repeated ? { 'idempotent-replayed': 'true' } : {}) };
        if (isRefundEnded(refund)) return { status: 201, headers, body: view(refund) };
        return { status: 202, headers: { ...headers, 'retry-after': String(LOOK_AGAIN_SECONDS) }, body: view(refund) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/payments/{id}/refunds',
      operationId: 'listRefunds',
      tag: TAG,
      summary: 'List the refunds of a payment, newest first',
      scope: 'payments:read',
      params: paymentParams,
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: { 200: { description: 'A page of refunds.', body: pageSchema('RefundPage', refundSchema) } },
      handler: async ({ params, query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listRefunds(deps.reads, tenantId, params.id, request);
        if (page === undefined) throw new Problem('not-found');
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/payments/{id}/refunds/{refundId}',
      operationId: 'getRefund',
      tag: TAG,
      summary: 'Get a refund',
      scope: 'payments:read',
      params: refundParams,
      responses: { 200: { description: 'The refund.', body: refundSchema } },
      handler: async ({ params }, { tenantId }) => {
        const refund = await findRefund(deps.pool, tenantId, params.id, params.refundId);
        if (refund === undefined) throw new Problem('not-found');
        return { status: 200, body: view(refund) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/payments/{id}/refunds/{refundId}/resume',
      operationId: 'resumeRefund',
      tag: TAG,
      summary: 'Resume a refund that needs review',
      description: 'Asks the provider whether it was made, makes it if not, then posts it.',
      scope: 'payments:write',
      params: refundParams,
      responses: { 202: { description: 'Its workflow takes it up again.', body: refundSchema, headers: LOCATION } },
      problems: ['wrong-state'],
      handler: async ({ params }, context) => {
        const refund = await resumeRefund(deps, context, params.id, params.refundId);
        return { status: 202, headers: locationOf(refund), body: view(refund) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/payments/{id}/refunds/{refundId}/resolve',
      operationId: 'resolveRefund',
      tag: TAG,
      summary: 'End the review of a refund by hand',
      description:
        'After a look at the provider: it went back (`refunded`, with the amount that did), it did not (`not_refunded`), or ' +
        'the business bears it itself (`written_off`). Payment, order and ledger follow; the audit log keeps the reason.',
      scope: 'payments:review',
      idempotency: 'required',
      params: refundParams,
      body: resolutionSchema,
      responses: { 200: { description: 'The refund, decided.', body: refundSchema }, 202: WAITING_ANSWER },
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) => {
        const which = { paymentId: params.id, id: params.refundId };
        const { approval, refund } = await resolveRefund(deps, context, which, body);
        if (approval.state !== 'waiting') return { status: 200, body: view(refund) };
        return waitingAnswer(approval);
      },
    }),
  ];
}

function refundView(refund: Refund, workflowUrl: (workflowId: string) => string): z.input<typeof refundSchema> {
  return {
    id: refund.id,
    paymentId: refund.paymentId,
    amount: refund.amount.toString(),
    currency: refund.currency,
    reason: refund.reason ?? null,
    state: refund.state,
    failureCode: refund.failureCode ?? null,
    refundedAmount: refund.bookedAmount.toString(),
    writtenOffAmount: refund.writtenOffAmount.toString(),
    providerReference: refund.providerReference ?? null,
    providerSays: refund.providerSays ?? null,
    refundedAt: momentOrNull(refund.refundedAt),
    feeReturned: refund.returned?.fee.toString() ?? null,
    feeTaxReturned: refund.returned?.tax.toString() ?? null,
    workflowId: refund.workflowId,
    workflowUrl: workflowUrl(refund.workflowId),
    createdAt: moment(refund.createdAt),
    updatedAt: moment(refund.updatedAt),
  };
}
