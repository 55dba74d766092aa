import type { Queryable } from '../../../infra/postgres/pool';
import { chargebackPosting, findPosted, postTransaction } from '../../ledger';
import type { Fee } from '../../merchants';
import { CHARGEBACK_MOVES } from '../rules/chargeback-states';
import { effectiveMoment } from '../rules/payment-times';
import { type Booked, type Chargeback, setBooked } from '../store/chargebacks';
import type { Payment } from '../store/payments';

export const NO_FEE: Fee = { fee: 0n, tax: 0n };
export const NOTHING_BOOKED: Booked = { amount: 0n, fee: NO_FEE };

/**
 * Brings the ledger to what a chargeback takes from its merchant by now: posts the difference, if there is one. Call it
 * with both locked.
 *
 * @param at - when it happened
 */
export async function bookChargeback(
  db: Queryable,
  { chargeback, payment }: { chargeback: Chargeback; payment: Payment },
  target: Booked,
  at: Date,
): Promise<Chargeback> {
  const { booked, bookings } = chargeback;
  const amount = target.amount - booked.amount;
  const fee = { fee: target.fee.fee - booked.fee.fee, tax: target.fee.tax - booked.fee.tax };
  if (amount === 0n && fee.fee === 0n && fee.tax === 0n) return chargeback;
  const posting = chargebackPosting(payment.merchantId, amount, fee);
  const takes = amount > 0n || (amount === 0n && fee.fee > 0n);
  const kind = takes ? CHARGEBACK_MOVES.post.posts : CHARGEBACK_MOVES.reverse.posts;
  const first = bookings === 0 || (bookings === 1 && !takes);
  const externalRef = first ? chargeback.id : `${chargeback.id}:${bookings + 1}`;
  // The first posting is reversed as such where all of it goes back at once.
  const whole = bookings === 1 && target.amount === 0n && target.fee.fee === 0n && target.fee.tax === 0n;
  const reverses = whole
    ? await findPosted(db, {
        tenantId: payment.tenantId,
        kind: CHARGEBACK_MOVES.post.posts,
        externalRef: chargeback.id,
      })
    : undefined;
  await postTransaction(db, {
    tenantId: payment.tenantId,
    kind,
    externalRef,
    currency: payment.currency,
    posting,
    merchantId: payment.merchantId,
    feeScheduleId: payment.feeScheduleId,
    ...(reverses === undefined ? {} : { reversesId: reverses }),
    effectiveAt: effectiveMoment(at, payment.capturedAt ?? payment.createdAt, new Date()),
  });
  return setBooked(db, chargeback.id, target);
}
