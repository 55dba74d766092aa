import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { Requester } from '../../approvals';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { type Chargeback, findChargeback, moveChargeback } from '../store/chargebacks';
import { leaveToWorkflow } from './leave-to-workflow';

/** Reopens a chargeback that needs review, for its workflow to post as it was told first. @throws PaymentRefusal */
export async function resumeChargeback(
  deps: PaymentDeps,
  { tenantId, keyId, log }: Requester,
  id: PublicId,
): Promise<Chargeback> {
  const found = await findChargeback(deps.pool, tenantId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  const chargeback = await inTransaction(deps.pool, async (db) => {
    const resumed = await moveChargeback(db, id, 'resume');
    if (resumed === undefined) {
      throw new PaymentRefusal('needs-no-review', `The chargeback needs no review: it is ${found.state}.`);
    }
    const payload = { code: found.reviewCode ?? null };
    await appendAudit(db, tenantId, { actor: keyId, action: 'chargeback.resumed', subject: id, payload });
    return resumed;
  });
  await leaveToWorkflow(deps, chargeback, log);
  return chargeback;
}
