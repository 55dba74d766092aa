import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { RefundDone, RefusedForGood } from '../rules/payment-flow';
import { readPayment } from '../store/payments';
import { readRefund } from '../store/refunds';

/** Asks the provider to give the money back; any number of calls count as one. */
export async function callRefund(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | RefusedForGood> {
  const refund = await readRefund(deps.pool, refundId);
  const payment = refund && (await readPayment(deps.pool, refund.paymentId));
  if (refund === undefined || payment === undefined) throw new PaymentFault('there is no such refund');
  // The refund may have ended just after the workflow's starter read it, and another may have refunded its part.
  if (refund.state === 'failed') return { state: 'refused', code: refund.failureCode ?? 'unknown' };
  if (payment.providerReference === undefined) throw new PaymentFault('the payment has no charge at the provider');
  const made = await deps.provider().refund({
    reference: refundId,
    chargeId: payment.providerReference,
    amount: refund.amount,
    idempotencyKey: `${refundId}:refund`,
  });
  if (made.outcome === 'refused') return { state: 'refused', code: made.code };
  return { state: 'refunded', providerReference: made.refundId, refundedAt: made.refundedAt.toISOString() };
}

/** Asks the provider whether a refund was made. */
export async function lookUpRefund(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | { state: 'none' }> {
  const found = await deps.provider().lookUpRefund(refundId);
  if (found === undefined) return { state: 'none' };
  return { state: 'refunded', providerReference: found.id, refundedAt: found.refundedAt.toISOString() };
}
