import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { finish } from './ask';
import type { CarriedOut, Commands, Requester } from './command';
import { ApprovalRefusal } from './refusals';
import { type Approval, decideApproval, lockApproval } from './store/approvals';

/**
 * Approves a waiting command and carries it out, or rejects it. Approving needs another API key than the one that asked;
 * rejecting does not. The same key may repeat its decision.
 *
 * @param deps - `commands`: those of every domain; `rejections`: what becomes of the subjects of some that are rejected
 * @throws ApprovalRefusal when there is no such command, or somebody decided otherwise; a refusal of the command's domain
 *   when its subject's state does not allow it any more: it goes on waiting then and can be rejected
 */
export async function decide(
  { pool, commands, rejections = {} }: { pool: Pool; commands: Commands; rejections?: Commands },
  by: Requester,
  id: PublicId,
  decision: 'approved' | 'rejected',
): Promise<Approval> {
  const { tenantId, keyId } = by;
  let done: CarriedOut = {};
  const approval = await inTransaction(pool, async (db) => {
    await by.fence(db);
    const waiting = await lockApproval(db, tenantId, id);
    if (waiting === undefined) throw new ApprovalRefusal('not-found');
    if (waiting.state === decision && waiting.decidedBy === keyId) return waiting;
    if (waiting.state !== 'waiting') {
      throw new ApprovalRefusal('already-decided', `The command does not wait: it is ${waiting.state}.`);
    }
    if (decision === 'approved' && waiting.requestedBy === keyId) {
      throw new ApprovalRefusal(
        'needs-another-key',
        'Another API key than the one that asked for it has to approve it.',
      );
    }
    const decided = await decideApproval(db, id, decision, keyId);
    if (decided === undefined) throw new Error('a locked approval has moved');
    const { action, subject, requestedBy, command, amount, currency } = decided;
    if (decision === 'approved') {
      const carryOut = commands[action];
      if (carryOut === undefined) throw new Error(`nothing carries out ${action}`);
      done = await carryOut(db, decided, by);
    } else {
      done = (await rejections[action]?.(db, decided, by)) ?? {};
    }
    await appendAudit(db, tenantId, {
      actor: keyId,
      action: decision === 'approved' ? (done.action ?? action) : `${action}.rejected`,
      subject,
      payload: { approvalId: id, requestedBy, command, amount: amount.toString(), currency, ...done.audit },
    });
    return decided;
  });
  await finish(by, done);
  return approval;
}
