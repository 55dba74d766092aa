import type { PublicId } from '../../../core/ids';
import { review } from '../approvals/review';
import type { Reviewer } from '../approvals/review-command';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import type { Approval } from '../store/approvals';
import { findPayment, type Payment } from '../store/payments';
import { judgeResolution, type PaymentResolution, RESOLVE_PAYMENT, statedResolution } from './payment-resolution';

/**
 * Ends the review of a payment as a person says, or asks a second one for approval.
 *
 * @param note - why, for the audit log
 * @throws PaymentRefusal when it needs no review, or the amount is more than the payment's
 */
export async function resolvePayment(
  deps: PaymentDeps,
  by: Reviewer,
  id: PublicId,
  { resolution, note }: { resolution: PaymentResolution; note: string },
): Promise<{ payment: Payment; approval: Approval }> {
  const payment = await findPayment(deps.pool, by.tenantId, id);
  if (payment === undefined) throw new PaymentRefusal('not-found');
  judgeResolution(payment, resolution);
  const { amount, currency } = payment;
  const input = { ...statedResolution(resolution), note };
  const approval = await review(deps, by, { action: RESOLVE_PAYMENT, subject: id, amount, currency, input });
  return { payment: (await findPayment(deps.pool, by.tenantId, id)) ?? payment, approval };
}
