import type { Pool } from 'pg';
import { asId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { sqlState } from '../../infra/postgres/errors';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import type { CarriedOut, CarryOut, Command, Requester } from './command';
import type { ApprovalsConfig } from './config';
import { ApprovalRefusal } from './refusals';
import type { ApprovalState } from './rules/approval-states';
import { type Approval, findApproval, findWaitingApproval, insertApproval } from './store/approvals';

const UNIQUE_VIOLATION = '23505';

/** Whether a command about this much, in minor units, has to be approved by another API key. */
export function needsAnotherKey({ WAYBILL_REVIEW_FOUR_EYES_FROM: from }: ApprovalsConfig, amount: bigint): boolean {
  return from !== undefined && amount >= from;
}

/**
 * Carries a command out at once, or, from `WAYBILL_REVIEW_FOUR_EYES_FROM` on, keeps it until another API key approves it.
 * Either way it is in the audit log. A repeat with the same effect changes nothing.
 *
 * @returns the command as it is kept: `waiting`, or `not_needed` when it is carried out
 * @throws ApprovalRefusal when another command about the same thing waits; whatever `carryOut` throws
 */
export async function ask(
  { pool, config }: { pool: Pool; config: ApprovalsConfig },
  by: Requester,
  command: Command,
  carryOut: CarryOut,
): Promise<Approval> {
  const state = needsAnotherKey(config, command.amount) ? 'waiting' : 'not_needed';
  let done: CarriedOut = {};
  try {
    const approval = await inTransaction(pool, async (db) => {
      await by.fence(db);
      const known = await findApproval(db, by.tenantId, asId('apr', by.effectId));
      if (known !== undefined) return known;
      if (state === 'waiting') return keepForApproval(db, by, command);
      const stored = await keep(db, by, command, state);
      done = await carryOut(db, stored, by);
      await audit(db, by, stored, { action: done.action ?? command.action, ...done.audit });
      return stored;
    });
    await finish(by, done);
    return approval;
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw waits(await findWaitingApproval(pool, command.subject));
  }
}

/**
 * Keeps a command for another API key to approve, in the caller's transaction, and in the audit log. A repeat with the
 * same effect gives the first one.
 *
 * @throws ApprovalRefusal when another command about the same thing waits
 */
export async function keepForApproval(
  db: Queryable,
  by: Omit<Effect, 'fence'> & Pick<Requester, 'keyId'>,
  command: Command,
): Promise<Approval> {
  const known = await findApproval(db, by.tenantId, asId('apr', by.effectId));
  if (known !== undefined) return known;
  const stored = await keep(db, by, command, 'waiting');
  await audit(db, by, stored, { action: `${command.action}.requested` });
  return stored;
}

type Asker = Pick<Requester, 'tenantId' | 'effectId' | 'keyId'>;

async function keep(db: Queryable, by: Asker, command: Command, state: ApprovalState): Promise<Approval> {
  const waiting = await findWaitingApproval(db, command.subject);
  if (waiting !== undefined) throw waits(waiting);
  const { input, ...rest } = command;
  const { tenantId, keyId } = by;
  return insertApproval(db, {
    ...rest,
    id: asId('apr', by.effectId),
    tenantId,
    command: input,
    state,
    requestedBy: keyId,
  });
}

async function audit(
  db: Queryable,
  { tenantId, keyId }: Asker,
  { id, subject, command, amount, currency }: Approval,
  { action, ...more }: { action: string },
): Promise<void> {
  const payload = { approvalId: id, command, amount: amount.toString(), currency, ...more };
  await appendAudit(db, tenantId, { actor: keyId, action, subject, payload });
}

/** What follows the transaction. The command is carried out by then, so nothing of this fails the request. */
export async function finish({ log }: Pick<Requester, 'log'>, { after }: CarriedOut): Promise<void> {
  await after?.().catch((error: unknown) => log.warn({ err: error }, 'what follows a command is left to the sweep'));
}

function waits(approval: Approval | undefined): ApprovalRefusal {
  const path = approval === undefined ? '' : `: POST /v1/approvals/${approval.id}/approve or …/reject`;
  return new ApprovalRefusal('approval-waiting', `A command about it waits for another API key${path}.`);
}
