import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, capturePosting, postTransaction } from '../../ledger';
import { feeOf, feeScheduleFor } from '../../merchants';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { paymentEvent } from '../events';
import { PaymentFault } from '../rules/errors';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { effectiveMoment } from '../rules/payment-times';
import { moveOrder } from '../store/orders';
import { lockPayment, movePayment, type Payment } from '../store/payments';
import { tellEvents } from '../tell-events';

/**
 * Records that a payment's money was taken: payment, order, ledger and event in one transaction, once. The fee is
 * computed here and stays with the payment.
 *
 * @throws PaymentFault when the payment has ended otherwise, or the merchant has no fee schedule
 */
export async function recordCapture(
  deps: PaymentDeps,
  paymentId: PublicId,
  charge: { chargeId: string; capturedAt: string } | undefined,
): Promise<void> {
  const { posts, tells, order } = PAYMENT_MOVES.capture;
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, paymentId);
    if (payment === undefined) throw new PaymentFault('there is no such payment');
    if (payment.state === 'captured') return undefined;
    const { tenantId, merchantId, currency, amount } = payment;
    const told = charge === undefined ? undefined : new Date(charge.capturedAt);
    const at = effectiveMoment(told, payment.createdAt, new Date());
    const schedule = await feeScheduleFor(db, { tenantId, merchantId, currency, at });
    if (schedule === undefined) throw new PaymentFault(`the merchant has no fee schedule for ${currency}`);
    const fee = feeOf(amount, schedule.terms);
    const captured = await movePayment(db, paymentId, 'capture', {
      providerReference: charge?.chargeId,
      capture: { at, fee, feeScheduleId: schedule.id },
    });
    if (captured === undefined) throw new PaymentFault(`the payment is ${payment.state}, and its money was taken`);
    await postTransaction(db, {
      tenantId,
      kind: posts,
      externalRef: paymentId,
      currency,
      posting: capturePosting(sourceAccount(payment), merchantId, amount, fee),
      merchantId,
      feeScheduleId: schedule.id,
      effectiveAt: at,
    });
    await moveOrder(db, tenantId, payment.orderId, order);
    return storeEvent(db, paymentEvent(tells, captured));
  });
  await tellEvents(deps, [event]);
}

/** Where a payment's money is until it is captured. */
function sourceAccount({ source }: Payment): string {
  return source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.walletHeld(source.walletId);
}
