import { z } from 'zod';
import { APPROVAL_STATES, type Commands, decide, findApproval, listApprovals } from '../../domains/approvals';
import { ledgerCommands } from '../../domains/ledger';
import { paymentCommands, paymentDeps } from '../../domains/payments';
import { bulkCommands, bulkRejections } from '../../domains/preferences';
import { settlementCommands } from '../../domains/settlement';
import { approvalSchema, approvalView } from '../http/approval-schemas';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, pageQuery, pageSchema } from '../http/schemas';

const TAG = 'Approvals';
const CURSOR = byId('approvals');

const approvalParams = z.object({ id: idSchema('apr') });

/** Commands of every domain, and their approval. */
export function approvalRoutes(context: DoorContext): Route[] {
  const commands: Commands = {
    ...paymentCommands(paymentDeps(context)),
    ...ledgerCommands(),
    ...settlementCommands(),
    ...bulkCommands(context),
  };
  const deps = { pool: context.pool, reads: context.reads, commands, rejections: bulkRejections(context) };

  return [
    route({
      method: 'get',
      path: '/v1/approvals',
      operationId: 'listApprovals',
      tag: TAG,
      summary: 'List commands that may need a second person, newest first',
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
      summary: 'Get a command that may need a second person',
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
      description:
        'With another API key than the one that asked for it. Its scope is `payments:review`, whatever was asked for.',
      scope: 'payments:review',
      params: approvalParams,
      responses: { 200: { description: 'It is carried out.', body: approvalSchema } },
      problems: ['wrong-state', 'validation-failed'],
      handler: async ({ params }, by) => ({
        status: 200,
        body: approvalView(await decide(deps, by, params.id, 'approved')),
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
      handler: async ({ params }, by) => ({
        status: 200,
        body: approvalView(await decide(deps, by, params.id, 'rejected')),
      }),
    }),
  ];
}
