import { z } from 'zod';
import {
  CHARGEBACK_STATES,
  type Chargeback,
  findChargeback,
  listChargebacks,
  resolveChargeback,
  resumeChargeback,
} from '../../domains/payments';
import { WAITING_ANSWER, waitingAnswer } from '../http/approval-schemas';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import { freeText } from '../http/free-text';
import { amountText } from '../http/money-schemas';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';
import type { PaymentRouteDeps } from './deps';
import { priceSchema } from './order-schemas';

const TAG = 'Chargebacks';
const CURSOR = byId('chargebacks');

const reportSchema = z.object({
  type: z.enum(['chargeback.opened', 'chargeback.won', 'chargeback.lost']),
  amount: amountText,
  currency: z.string(),
  at: momentText,
});

const resolutionSchema = z
  .strictObject({
    as: z.enum(['posted', 'won', 'lost', 'dismissed']),
    amount: priceSchema.optional().meta({
      description: 'What is taken from the merchant, or comes back with `won`; by default all.',
    }),
    reason: freeText(500).meta({ description: 'For the audit log.' }),
  })
  .refine(({ as, amount }) => as !== 'dismissed' || amount === undefined, {
    path: ['amount'],
    error: 'is not for a chargeback that is dismissed',
  })
  .meta({ id: 'ChargebackResolution', example: { as: 'posted', amount: '4000', reason: 'The bank took 40 only' } });

const chargebackSchema = z
  .object({
    id: idSchema('cbk'),
    paymentId: idSchema('pay'),
    providerReference: z.string(),
    amount: amountText,
    currency: z.string(),
    reason: z.string(),
    state: z.enum(CHARGEBACK_STATES).meta({
      description:
        '`posted`: the money is gone; `won`: about to come back; `reversed`: it is back; `partly_won`: a part of it is; ' +
        '`lost`: it is gone for good; `dismissed`: a person found that there is no such chargeback.',
    }),
    takenAmount: amountText.meta({ description: 'What is taken from the merchant by now, without the fee.' }),
    reviewCode: z.string().nullable().meta({
      description: 'Why it needs review, such as `exceeds_payment` or `another_amount`.',
    }),
    providerSays: reportSchema.nullable().meta({ description: 'What the provider reported that does not fit.' }),
    fee: amountText.nullable().meta({ description: 'What the merchant pays for it.' }),
    feeTax: amountText.nullable(),
    occurredAt: momentText,
    workflowId: z.string(),
    workflowUrl: z.string().meta({ description: 'Its page in Temporal Web UI.' }),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Chargeback' });

const chargebackQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  state: z.enum(CHARGEBACK_STATES).optional(),
  paymentId: idSchema('pay').optional(),
});

const chargebackParams = z.object({ id: idSchema('cbk') });

export function chargebackRoutes(deps: PaymentRouteDeps): Route[] {
  const { pool, reads } = deps;
  const view = (chargeback: Chargeback) => chargebackView(chargeback, deps.workflowUrl);
  return [
    route({
      method: 'get',
      path: '/v1/chargebacks',
      operationId: 'listChargebacks',
      tag: TAG,
      summary: 'List chargebacks, newest first',
      scope: 'payments:read',
      query: chargebackQuery,
      responses: {
        200: { description: 'A page of chargebacks.', body: pageSchema('ChargebackPage', chargebackSchema) },
      },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listChargebacks(reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/chargebacks/{id}',
      operationId: 'getChargeback',
      tag: TAG,
      summary: 'Get a chargeback',
      scope: 'payments:read',
      params: chargebackParams,
      responses: { 200: { description: 'The chargeback.', body: chargebackSchema } },
      handler: async ({ params }, { tenantId }) => {
        const chargeback = await findChargeback(pool, tenantId, params.id);
        if (chargeback === undefined) throw new Problem('not-found');
        return { status: 200, body: view(chargeback) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/chargebacks/{id}/resume',
      operationId: 'resumeChargeback',
      tag: TAG,
      summary: 'Resume a chargeback that needs review',
      description: 'Posts it, and reverses it if the dispute was won. Its payment must be captured here by now.',
      scope: 'payments:write',
      params: chargebackParams,
      responses: {
        202: {
          description: 'Its workflow takes it up again.',
          body: chargebackSchema,
          headers: { Location: "The chargeback's path." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params }, context) => {
        const chargeback = await resumeChargeback(deps, context, params.id);
        return { status: 202, headers: { location: `/v1/chargebacks/${chargeback.id}` }, body: view(chargeback) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/chargebacks/{id}/resolve',
      operationId: 'resolveChargeback',
      tag: TAG,
      summary: 'Decide what a chargeback comes to',
      description:
        'Whatever the provider reported: it takes an amount from the merchant (`posted`, `lost`), gives it back (`won`, with ' +
        'an amount only that part), or is a mistake (`dismissed`). The ledger gets the difference; the audit log keeps the ' +
        'reason.',
      scope: 'payments:review',
      idempotency: 'required',
      params: chargebackParams,
      body: resolutionSchema,
      responses: { 200: { description: 'The chargeback, decided.', body: chargebackSchema }, 202: WAITING_ANSWER },
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) => {
        const { approval, chargeback } = await resolveChargeback(deps, context, params.id, body);
        if (approval.state !== 'waiting') return { status: 200, body: view(chargeback) };
        return waitingAnswer(approval);
      },
    }),
  ];
}

function chargebackView(
  chargeback: Chargeback,
  workflowUrl: (workflowId: string) => string,
): z.input<typeof chargebackSchema> {
  return {
    id: chargeback.id,
    paymentId: chargeback.paymentId,
    providerReference: chargeback.providerReference,
    amount: chargeback.amount.toString(),
    currency: chargeback.currency,
    reason: chargeback.reason,
    state: chargeback.state,
    takenAmount: chargeback.booked.amount.toString(),
    reviewCode: chargeback.reviewCode ?? null,
    providerSays: chargeback.providerSays ?? null,
    fee: chargeback.fee?.fee.toString() ?? null,
    feeTax: chargeback.fee?.tax.toString() ?? null,
    occurredAt: moment(chargeback.occurredAt),
    workflowId: chargeback.workflowId,
    workflowUrl: workflowUrl(chargeback.workflowId),
    createdAt: moment(chargeback.createdAt),
    updatedAt: moment(chargeback.updatedAt),
  };
}
