import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, refundPosting } from '../../ledger';
import { feeReturned, findBusiness } from '../../merchants';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { refundEvent } from '../events';
import { PaymentFault } from '../rules/errors';
import type { RefundDone } from '../rules/payment-flow';
import { effectiveMoment } from '../rules/payment-times';
import { REFUND_MOVES } from '../rules/refund-states';
import { moveOrder } from '../store/orders';
import { lockPayment, type Payment, settleRefund } from '../store/payments';
import { moveRefund, readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';

/**
 * Records that money went back: refund, payment, order, ledger and event in one transaction, once. The business's
 * policy decides how much of the fee goes back; shares are taken under the payment's lock, in the order in which
 * refunds are recorded.
 *
 * @throws PaymentFault when there is no such refund, or its payment was not captured
 */
export async function recordRefund(deps: PaymentDeps, refundId: PublicId, done: RefundDone | undefined): Promise<void> {
  const { posts, tells } = REFUND_MOVES.succeed;
  const refund = await readRefund(deps.pool, refundId);
  if (refund === undefined) throw new PaymentFault('there is no such refund');
  const { amount } = refund;
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, refund.paymentId);
    if (payment?.fee === undefined) throw new PaymentFault('the payment was not captured');
    const { tenantId, merchantId, currency, amount: captured, refundedAmount: before } = payment;
    const policy = (await findBusiness(db, tenantId))?.refundFeePolicy ?? 'keep';
    const returned = feeReturned(payment.fee, { captured, before, amount, policy });
    const told = done === undefined ? undefined : new Date(done.refundedAt);
    const at = effectiveMoment(told, refund.createdAt, new Date());
    const succeeded = await moveRefund(db, refundId, 'succeed', {
      providerReference: done?.providerReference,
      refunded: { at, returned },
    });
    if (succeeded === undefined) return undefined;
    await settleRefund(db, payment.id, amount, true);
    await postTransaction(db, {
      tenantId,
      kind: posts,
      externalRef: refundId,
      currency,
      posting: refundPosting(targetAccount(payment), merchantId, amount, returned),
      merchantId,
      feeScheduleId: payment.feeScheduleId,
      effectiveAt: at,
    });
    await moveOrder(db, tenantId, payment.orderId, before + amount === captured ? 'refundAll' : 'refundPart');
    return storeEvent(db, refundEvent(tells, succeeded));
  });
  await tellEvents(deps, [event]);
}

/** Where the money goes back to. */
function targetAccount({ source }: Payment): string {
  return source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.wallet(source.walletId);
}
