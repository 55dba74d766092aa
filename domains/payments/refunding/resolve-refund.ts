import type { PublicId } from '../../../core/ids';
import type { Approval, Requester } from '../../approvals';
import { review } from '../approvals/review';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { REFUND_RESOLUTIONS, type RefundResolution } from '../rules/resolutions';
import { findRefund, type Refund } from '../store/refunds';
import { carryOutRefund, RESOLVE_REFUND } from './carry-out-refund';

/**
 * Ends the review of a refund: it went back with this amount, it did not, or the business bears it itself. The ledger gets
 * what follows. See `review` for approval.
 *
 * @throws PaymentRefusal
 */
export async function resolveRefund(
  deps: PaymentDeps,
  by: Requester,
  { paymentId, id }: { paymentId: PublicId; id: PublicId },
  resolution: RefundResolution,
): Promise<{ approval: Approval; refund: Refund }> {
  const found = await findRefund(deps.pool, by.tenantId, paymentId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  const { amount, currency } = found;
  const most = resolution.amount !== undefined && resolution.amount > amount ? resolution.amount : amount;
  const input = REFUND_RESOLUTIONS.encode(resolution);
  const approval = await review(
    deps,
    by,
    { action: RESOLVE_REFUND, subject: id, amount: most, currency, input },
    carryOutRefund,
  );
  const refund = await findRefund(deps.pool, by.tenantId, paymentId, id);
  return { approval, refund: refund ?? found };
}
