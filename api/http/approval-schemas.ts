import { z } from 'zod';
import { APPROVAL_STATES, type Approval } from '../../domains/approvals';
import { amountText } from './money-schemas';
import { idSchema, moment, momentOrNull, momentText } from './schemas';

export const approvalSchema = z
  .object({
    id: idSchema('apr'),
    action: z.string().meta({ description: 'Which command.', example: 'refund.resolve' }),
    subject: z.string().meta({ description: 'The id of what it is about.' }),
    command: z.unknown().meta({ description: "The command's body." }),
    amount: amountText.meta({
      description:
        'The most money that it decides about; of what is not about money, how many: with the currency `XXX`.',
    }),
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

/** How a command is answered while it waits for another key. */
export const WAITING_ANSWER = {
  description: 'It waits for another API key to approve it.',
  body: approvalSchema,
  headers: { Location: "The approval's path." },
} as const;

/** As {@link WAITING_ANSWER} says. */
export function waitingAnswer(approval: Approval) {
  const headers = { location: `/v1/approvals/${approval.id}` };
  return { status: 202 as const, headers, body: approvalView(approval) };
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
