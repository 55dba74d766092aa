import { z } from 'zod';
import { APPROVAL_STATES, type Approval, decide, findApproval, listApprovals } from '../../domains/payments';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import { amountText } from '../http/money-schemas';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema } from '../http/schemas';
import type { PaymentRouteDeps } from './deps';

const TAG = 'Approvals';
const CURSOR = byId('approvals');

export const approvalSchema = z
  .object({
    id: idSchema('apr'),
    action: z.string().meta({ description: 'Which command.', example: 'refund.resolve' }),
    subject: z.string().meta({ description: 'The id of what it is about.' }),
    command: z.unknown().meta({ description: "The command's body." }),
    amount: amountText.meta({ description: 'The most money that it decides about.' }),
    currency: z.string(),
    state: z.enum(APPROVAL_STATES).meta({
      description:
        '`waiting` for another API key; `approved` and carried out; `rejected`; `not_needed`: carried out at once, as its ' +
        'amount is below `WAYBILL_REVIEW_FOUR_EYES_FROM`.',
    }),
    requestedBy: z.string().meta({ description: 'The API key that asked for it.' }),
    decidedBy: z.string().nullable(),
    createdAt: momentText,
    decidedAt: momentText.nullable(),
  })
  .meta({ id: 'Approval' });

const approvalParams = z.object({ id: idSchema('apr') });

/** How a command that ends a review is answered while it waits for another key. */
export const WAITING_ANSWER = {
  description: 'It waits for another API key to approve it.',
  body: approvalSchema,
  headers: { Location: "The approval's path." },
} as const;

export function approvalRoutes(deps: PaymentRouteDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/approvals',
      operationId: 'listApprovals',
      tag: TAG,
      summary: 'List commands that end a review, newest first',
      scope: 'payments:read',
      query: z.strictObject({ ...pageQuery, ...followQuery, state: z.enum(APPROVAL_STATES).optional() }),
      responses: { 200: { description: 'A page of commands.', body: pageSchema('ApprovalPage', approvalSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listApprovals(deps.reads, tenantId, query, request);
        return { status: 200, body: pageBody(CURSOR, request, page, approvalView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/approvals/{id}',
      operationId: 'getApproval',
      tag: TAG,
      summary: 'Get a command that ends a review',
      scope: 'payments:read',
      params: approvalParams,
      responses: { 200: { description: 'The command.', body: approvalSchema } },
      handler: async ({ params }, { tenantId }) => {
        const approval = await findApproval(deps.pool, tenantId, params.id);
        if (approval === undefined) throw new Problem('not-found');
        return { status: 200, body: approvalView(approval) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/approvals/{id}/approve',
      operationId: 'approveCommand',
      tag: TAG,
      summary: 'Approve a command, which carries it out',
      description: 'With another API key than the one that asked for it.',
      scope: 'payments:review',
      params: approvalParams,
      responses: { 200: { description: 'It is carried out.', body: approvalSchema } },
      problems: ['wrong-state', 'validation-failed'],
      handler: async ({ params }, context) => ({
        status: 200,
        body: approvalView(await decide(deps, context, params.id, 'approved')),
      }),
    }),
    route({
      method: 'post',
      path: '/v1/approvals/{id}/reject',
      operationId: 'rejectCommand',
      tag: TAG,
      summary: 'Reject a command, so that another one can be given',
      scope: 'payments:review',
      params: approvalParams,
      responses: { 200: { description: 'It is rejected.', body: approvalSchema } },
      problems: ['wrong-state'],
      handler: async ({ params }, context) => ({
        status: 200,
        body: approvalView(await decide(deps, context, params.id, 'rejected')),
      }),
    }),
  ];
}

export function approvalView(approval: Approval): z.input<typeof approvalSchema> {
  return {
    id: approval.id,
    action: approval.action,
    subject: approval.subject,
    command: approval.command,
    amount: approval.amount.toString(),
    currency: approval.currency,
    state: approval.state,
    requestedBy: approval.requestedBy,
    decidedBy: approval.decidedBy ?? null,
    createdAt: moment(approval.createdAt),
    decidedAt: momentOrNull(approval.decidedAt),
  };
}
