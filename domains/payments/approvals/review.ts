import { asId, type PublicId } from '../../../core/ids';
import { sqlState } from '../../../infra/postgres/errors';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import type { ApprovalState } from '../rules/approval-states';
import { type Approval, findApproval, findWaitingApproval, insertApproval } from '../store/approvals';
import { tellEvents } from '../tell-events';
import { REVIEW_COMMANDS } from './commands';
import type { CarriedOut, ReviewCommand, Reviewer } from './review-command';

const UNIQUE_VIOLATION = '23505';

/**
 * Ends a review: carries the command out at once, or, from `WAYBILL_REVIEW_FOUR_EYES_FROM` on, keeps it until another API
 * key approves it. Either way it is in the audit log. A repeat with the same effect changes nothing.
 *
 * @returns the command as it is kept: `waiting`, or `not_needed` when it is carried out
 * @throws PaymentRefusal when another command about the same thing waits, or the subject's state does not allow it
 */
export async function review(deps: PaymentDeps, by: Reviewer, command: ReviewCommand): Promise<Approval> {
  const id = asId('apr', by.effectId);
  try {
    return await reviewOnce(deps, by, id, command);
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw waits(await findWaitingApproval(deps.pool, command.subject));
  }
}

async function reviewOnce(deps: PaymentDeps, by: Reviewer, id: PublicId, command: ReviewCommand): Promise<Approval> {
  const { tenantId, keyId } = by;
  const { action, subject, amount, currency, input } = command;
  const from = deps.config.WAYBILL_REVIEW_FOUR_EYES_FROM;
  const state: ApprovalState = from !== undefined && amount >= from ? 'waiting' : 'not_needed';
  let done: CarriedOut = { events: [] };
  const approval = await inTransaction(deps.pool, async (db) => {
    await by.fence(db);
    const known = await findApproval(db, tenantId, id);
    if (known !== undefined) return known;
    const waiting = await findWaitingApproval(db, subject);
    if (waiting !== undefined) throw waits(waiting);
    const kept = { id, tenantId, action, subject, command: input, amount, currency, state, requestedBy: keyId };
    const stored = await insertApproval(db, kept);
    if (state === 'not_needed') done = await carryOut(deps, db, stored, by);
    const name = state === 'waiting' ? `${action}.requested` : action;
    const payload = { approvalId: id, command: input, amount: amount.toString(), currency, ...done.audit };
    await appendAudit(db, tenantId, { actor: keyId, action: name, subject, payload });
    return stored;
  });
  await finish(deps, by, done);
  return approval;
}

/** Carries a kept command out, in the transaction of `db`. */
export function carryOut(deps: PaymentDeps, db: Queryable, approval: Approval, by: Reviewer): Promise<CarriedOut> {
  const { tenantId, action, subject, command: input } = approval;
  const work = REVIEW_COMMANDS[action];
  if (work === undefined) throw new Error(`nothing carries out ${action}`);
  return work(deps, db, { tenantId, subject, input, by });
}

/** What follows the transaction. The command is carried out by then, so nothing of this fails the request. */
export async function finish(deps: PaymentDeps, { log }: Reviewer, { events, after }: CarriedOut): Promise<void> {
  await tellEvents(deps, events);
  await after?.().catch((error: unknown) => log.warn({ err: error }, 'what follows a review is left to the sweep'));
}

function waits(approval: Approval | undefined): PaymentRefusal {
  const path = approval === undefined ? '' : `: POST /v1/approvals/${approval.id}/approve or …/reject`;
  return new PaymentRefusal('approval-waiting', `A command about it waits for another API key${path}.`);
}
