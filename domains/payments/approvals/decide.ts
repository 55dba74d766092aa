import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { type Approval, decideApproval, lockApproval } from '../store/approvals';
import { carryOut, finish } from './review';
import type { CarriedOut, Reviewer } from './review-command';

/**
 * Approves a waiting command and carries it out, or rejects it. Approving needs another API key than the one that asked;
 * rejecting does not. The same key may repeat its decision.
 *
 * @throws PaymentRefusal when there is no such command, somebody decided otherwise, or its subject's state does not allow
 * it any more; it goes on waiting then and can be rejected
 */
export async function decide(
  deps: PaymentDeps,
  by: Reviewer,
  id: PublicId,
  decision: 'approved' | 'rejected',
): Promise<Approval> {
  const { tenantId, keyId } = by;
  let done: CarriedOut = { events: [] };
  const approval = await inTransaction(deps.pool, async (db) => {
    await by.fence(db);
    const waiting = await lockApproval(db, tenantId, id);
    if (waiting === undefined) throw new PaymentRefusal('not-found');
    if (waiting.state === decision && waiting.decidedBy === keyId) return waiting;
    if (waiting.state !== 'waiting') {
      throw new PaymentRefusal('already-decided', `The command does not wait: it is ${waiting.state}.`);
    }
    if (decision === 'approved' && waiting.requestedBy === keyId) {
      throw new PaymentRefusal(
        'needs-another-key',
        'Another API key than the one that asked for it has to approve it.',
      );
    }
    const decided = await decideApproval(db, id, decision, keyId);
    if (decided === undefined) throw new Error('a locked approval has moved');
    if (decision === 'approved') done = await carryOut(deps, db, decided, by);
    const { action, subject, requestedBy, command, amount, currency } = decided;
    await appendAudit(db, tenantId, {
      actor: keyId,
      action: decision === 'approved' ? action : `${action}.rejected`,
      subject,
      payload: { approvalId: id, requestedBy, command, amount: amount.toString(), currency, ...done.audit },
    });
    return decided;
  });
  await finish(deps, by, done);
  return approval;
}
