import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { type Chargeback, findChargeback, moveChargeback } from '../store/chargebacks';
import { leaveToWorkflow } from './leave-to-workflow';

/** Reopens a chargeback that needs review, for its workflow to post. @throws PaymentRefusal */
export async function resumeChargeback(
  deps: PaymentDeps,
  { tenantId, log }: { tenantId: PublicId; log: Logger },
  id: PublicId,
): Promise<Chargeback> {
  const found = await findChargeback(deps.pool, tenantId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  const chargeback = await moveChargeback(deps.pool, id, 'resume');
  if (chargeback === undefined) {
    throw new PaymentRefusal('needs-no-review', `The chargeback needs no review: it is ${found.state}.`);
  }
  await leaveToWorkflow(deps, chargeback, log);
  return chargeback;
}
