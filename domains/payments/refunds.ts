import type { PublicId } from '../../core/ids';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, refundPosting } from '../ledger';
import { feeReturned, findBusiness } from '../merchants';
import { storeEvent } from '../webhooks';
import { type PaymentDeps, PaymentFault, tell, withHeartbeats } from './deps';
import { refundEvent } from './events';
import type { Refusal } from './rules/payment-flow';
import { effectiveMoment } from './rules/payment-times';
import { moveOrder } from './store/orders';
import { lockPayment, type Payment, readPayment, settleRefund } from './store/payments';
import { moveRefund, type Refund, readRefund } from './store/refunds';

/** A refund as the provider made it. */
export type RefundDone = { state: 'refunded'; providerReference: string; refundedAt: string };

/** Asks the provider to give the money back; any number of calls is one. */
export async function callRefund(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | Refusal> {
  const { refund, payment } = await find(deps.pool, refundId);
  // Who starts a workflow may have read the refund just before it ended; by now its part may be refunded by another.
  if (refund.state === 'failed') return { state: 'refused', code: refund.failureCode ?? 'unknown' };
  if (payment.providerReference === undefined) throw new PaymentFault('the payment has no charge at the provider');
  const answer = await withHeartbeats(
    deps.provider().refund({
      reference: refundId,
      chargeId: payment.providerReference,
      amount: refund.amount,
      idempotencyKey: `${refundId}:refund`,
    }),
  );
  if (answer.outcome === 'refused') return { state: 'refused', code: answer.code };
  return {
    state: 'refunded',
    providerReference: answer.refundId,
    refundedAt: answer.refundedAt.toISOString(),
  };
}

/** Asks the provider what became of a refund. */
export async function lookUpRefund(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | { state: 'none' }> {
  const found = await withHeartbeats(deps.provider().lookUpRefund(refundId));
  if (found === undefined) return { state: 'none' };
  return { state: 'refunded', providerReference: found.id, refundedAt: found.refundedAt.toISOString() };
}

/**
 * Keeps that money went back: refund, payment, order, ledger and event in one transaction, once. What goes back of the
 * fee is the business's policy; shares are taken under the payment's lock, in the order in which refunds are kept.
 */
export async function recordRefund(deps: PaymentDeps, refundId: PublicId, done: RefundDone | undefined): Promise<void> {
  const { refund } = await find(deps.pool, refundId);
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, refund.paymentId);
    if (payment?.fee === undefined) throw new PaymentFault('the payment was not captured');
    const business = await findBusiness(db, refund.tenantId);
    const policy = business?.refundFeePolicy ?? 'keep';
    const { tenantId, merchantId, currency } = payment;
    const returned = feeReturned(payment.fee, payment.amount, payment.refundedAmount, refund.amount, policy);
    const told = done === undefined ? undefined : new Date(done.refundedAt);
    const at = effectiveMoment(told, refund.createdAt, new Date());
    const succeeded = await moveRefund(db, refundId, ['pending', 'needs_review'], {
      state: 'succeeded',
      providerReference: done?.providerReference,
      refunded: { at, returned },
    });
    if (succeeded === undefined) return undefined;
    await settleRefund(db, payment.id, refund.amount, true);
    await postTransaction(db, {
      tenantId,
      kind: 'refund',
      externalRef: refundId,
      currency,
      posting: refundPosting(targetAccount(payment), merchantId, refund.amount, returned),
      merchantId,
      feeScheduleId: payment.feeScheduleId,
      effectiveAt: at,
    });
    const whole = payment.refundedAmount + refund.amount === payment.amount;
    const to = whole ? 'refunded' : 'partially_refunded';
    await moveOrder(db, tenantId, payment.orderId, ['paid', 'partially_refunded'], to);
    return storeEvent(db, refundEvent('refund.succeeded', succeeded));
  });
  await tell(deps, [event]);
}

/** Keeps that a refund was refused: its part of the payment is free again. */
export async function failRefund(deps: PaymentDeps, refundId: PublicId, code: string): Promise<void> {
  const { refund } = await find(deps.pool, refundId);
  const event = await inTransaction(deps.pool, async (db) => {
    await lockPayment(db, refund.paymentId);
    const failed = await moveRefund(db, refundId, ['pending', 'needs_review'], { state: 'failed', failureCode: code });
    if (failed === undefined) return undefined;
    await settleRefund(db, refund.paymentId, refund.amount, false);
    return storeEvent(db, refundEvent('refund.failed', failed));
  });
  await tell(deps, [event]);
}

/** Hands a refund to people; its part of the payment stays set aside, since the money may have gone back. */
export async function flagRefund(deps: PaymentDeps, refundId: PublicId, code: string): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await moveRefund(db, refundId, ['pending'], { state: 'needs_review', failureCode: code });
    return flagged === undefined ? undefined : storeEvent(db, refundEvent('refund.needs_review', flagged));
  });
  deps.log.error({ refundId, code }, 'a refund needs review');
  await tell(deps, [event]);
}

async function find(db: Queryable, refundId: PublicId): Promise<{ refund: Refund; payment: Payment }> {
  const refund = await readRefund(db, refundId);
  const payment = refund === undefined ? undefined : await readPayment(db, refund.paymentId);
  if (refund === undefined || payment === undefined) throw new PaymentFault('there is no such refund');
  return { refund, payment };
}

function targetAccount({ source }: Payment): string {
  return source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.wallet(source.walletId);
}
