import type { PublicId } from '../../../core/ids';
import type { Approval, Requester } from '../../approvals';
import { review } from '../approvals/review';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { findPayment, type Payment } from '../store/payments';
import { carryOutPaymentResolution } from './carry-out-resolution';
import { judgeResolution, type PaymentResolution, RESOLVE_PAYMENT, statedResolution } from './payment-resolution';

/**
 * Ends the review of a payment as a person says, or asks a second one for approval.
 *
 * @param note - why, for the audit log
 * @throws PaymentRefusal when it needs no review, or the amount is more than the payment's
 */
export async function resolvePayment(
  deps: PaymentDeps,
  by: Requester,
  id: PublicId,
  { resolution, note }: { resolution: PaymentResolution; note: string },
): Promise<{ payment: Payment; approval: Approval }> {
  const payment = await findPayment(deps.pool, by.tenantId, id);
  if (payment === undefined) throw new PaymentRefusal('not-found');
  judgeResolution(payment, resolution);
  const { amount, currency } = payment;
  const input = { ...statedResolution(resolution), note };
  const approval = await review(
    deps,
    by,
    { action: RESOLVE_PAYMENT, subject: id, amount, currency, input },
    carryOutPaymentResolution,
  );
  return { payment: (await findPayment(deps.pool, by.tenantId, id)) ?? payment, approval };
}
