import type { PublicId } from '../../core/ids';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { ACCOUNTS, capturePosting, postTransaction } from '../ledger';
import { feeOf, feeScheduleFor } from '../merchants';
import { type StoredEvent, storeEvent } from '../webhooks';
import { type PaymentDeps, PaymentFault, tell } from './deps';
import { paymentEvent } from './events';
import { effectiveMoment } from './rules/payment-times';
import { moveOrder } from './store/orders';
import { lockPayment, movePayment, type Payment, type PaymentState } from './store/payments';

/**
 * Keeps that a payment's money was taken: the payment, its order, the ledger and the event in one transaction, once.
 * The fee is computed here and stays with the payment.
 *
 * @throws PaymentFault when the payment has ended otherwise, or nothing says what the merchant pays
 */
export async function recordCapture(
  deps: PaymentDeps,
  paymentId: PublicId,
  charge: { chargeId: string; capturedAt: string } | undefined,
): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, paymentId);
    if (payment === undefined) throw new PaymentFault('there is no such payment');
    if (payment.state === 'captured') return undefined;
    const { tenantId, merchantId, currency, amount } = payment;
    const told = charge === undefined ? undefined : new Date(charge.capturedAt);
    const at = effectiveMoment(told, payment.createdAt, new Date());
    const schedule = await feeScheduleFor(db, tenantId, merchantId, currency, at);
    if (schedule === undefined) throw new PaymentFault(`the merchant has no fee schedule for ${currency}`);
    const fee = feeOf(amount, schedule.terms);
    const captured = await movePayment(db, paymentId, ['pending', 'authorised', 'needs_review'], {
      state: 'captured',
      providerReference: charge?.chargeId,
      capture: { at, fee, feeScheduleId: schedule.id },
    });
    if (captured === undefined) throw new PaymentFault(`the payment is ${payment.state}, and its money was taken`);
    await postTransaction(db, {
      tenantId,
      kind: 'capture',
      externalRef: paymentId,
      currency,
      posting: capturePosting(sourceAccount(payment), merchantId, amount, fee),
      merchantId,
      feeScheduleId: schedule.id,
      effectiveAt: at,
    });
    await moveOrder(db, tenantId, payment.orderId, ['paying'], 'paid');
    return storeEvent(db, paymentEvent('payment.captured', captured));
  });
  await tell(deps, [event]);
}

/** Keeps that a payment came to nothing: its order can be paid again. */
export async function endPayment(
  deps: PaymentDeps,
  paymentId: PublicId,
  state: 'declined' | 'failed' | 'voided',
  code: string,
): Promise<void> {
  await tell(deps, [await inTransaction(deps.pool, (db) => endIn(db, paymentId, state, code))]);
}

/** As {@link endPayment}, within a transaction of the caller's. */
export async function endIn(
  db: Queryable,
  paymentId: PublicId,
  state: 'declined' | 'failed' | 'voided',
  code: string,
): Promise<StoredEvent | undefined> {
  const ended = await movePayment(db, paymentId, ['pending', 'authorised', 'needs_review'], {
    state,
    declineCode: code,
  });
  if (ended === undefined) return undefined;
  await moveOrder(db, ended.tenantId, ended.orderId, ['paying'], 'created');
  return storeEvent(db, paymentEvent(state === 'declined' ? 'payment.declined' : 'payment.failed', ended));
}

/** Hands a payment to people: its money may have moved, and nobody here can tell or keep it. */
export async function flagPayment(deps: PaymentDeps, paymentId: PublicId, code: string): Promise<void> {
  const from: PaymentState[] = ['pending', 'authorised'];
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await movePayment(db, paymentId, from, { state: 'needs_review', declineCode: code });
    return flagged === undefined ? undefined : storeEvent(db, paymentEvent('payment.needs_review', flagged));
  });
  deps.log.error({ paymentId, code }, 'a payment needs review');
  await tell(deps, [event]);
}

/** Where a payment's money is when it is captured, and goes back to when it is refunded. */
function sourceAccount({ source }: Payment): string {
  return source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.walletHeld(source.walletId);
}
