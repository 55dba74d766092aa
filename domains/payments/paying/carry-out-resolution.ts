import { isId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS, capturePosting, postTransaction, writtenOffCapturePosting } from '../../ledger';
import { feeOf, feeScheduleFor } from '../../merchants';
import { storeEvent } from '../../webhooks';
import type { CarryOutReview, ReviewEnded } from '../approvals/review-command';
import { paymentEvent } from '../events';
import { PaymentRefusal } from '../refusals';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { effectiveMoment } from '../rules/payment-times';
import { moveOrder } from '../store/orders';
import { movePayment } from '../store/payment-changes';
import { lockPayment, type Payment } from '../store/payments';
import { judgeResolution, type PaymentResolution, readResolution } from './payment-resolution';

/** Carries it out: the payment's move, its posting, its order and its event. */
export const carryOutPaymentResolution: CarryOutReview = async (
  _deps,
  db,
  { subject, input },
): Promise<ReviewEnded> => {
  const payment = isId('pay', subject) ? await lockPayment(db, subject) : undefined;
  if (payment === undefined) throw new PaymentRefusal('not-found');
  const resolution = readResolution(input);
  judgeResolution(payment, resolution);
  const resolved = await ('amount' in resolution
    ? capture(db, payment, resolution)
    : letGo(db, payment, resolution.as));
  const { tells, order } = PAYMENT_MOVES['amount' in resolution ? 'resolveCaptured' : 'resolveVoided'];
  if (!payment.orderReleased) await moveOrder(db, payment.tenantId, payment.orderId, order);
  return { events: [await storeEvent(db, paymentEvent(tells, resolved))], audit: { wasReview: payment.declineCode } };
};

async function letGo(db: Queryable, payment: Payment, as: string): Promise<Payment> {
  return moved(await movePayment(db, payment.id, 'resolveVoided', { declineCode: as }));
}

async function capture(
  db: Queryable,
  payment: Payment,
  resolution: Extract<PaymentResolution, { amount: bigint }>,
): Promise<Payment> {
  const { tenantId, merchantId, currency, createdAt, id } = payment;
  const { amount: taken, chargeId } = resolution;
  // What the merchant is owed: what was taken, or all of it when the business bears the difference.
  const amount = resolution.as === 'written_off' ? payment.amount : taken;
  const at = effectiveMoment(payment.capturedAt, createdAt, new Date());
  const schedule = await feeScheduleFor(db, { tenantId, merchantId, currency, at });
  if (schedule === undefined) {
    throw new PaymentRefusal('no-fee-schedule', `The merchant has no fee schedule for ${currency}.`);
  }
  const fee = feeOf(amount, schedule.terms);
  const captured = moved(
    await movePayment(db, id, 'resolveCaptured', {
      providerReference: chargeId,
      capture: { at, fee, feeScheduleId: schedule.id, amount },
    }),
  );
  await postTransaction(db, {
    tenantId,
    kind: PAYMENT_MOVES.resolveCaptured.posts,
    externalRef: id,
    currency,
    posting:
      taken === amount
        ? capturePosting(ACCOUNTS.pspClearing, merchantId, amount, fee)
        : writtenOffCapturePosting(merchantId, { amount, taken }, fee),
    merchantId,
    feeScheduleId: schedule.id,
    effectiveAt: at,
  });
  return captured;
}

function moved(payment: Payment | undefined): Payment {
  if (payment === undefined) throw new PaymentRefusal('needs-no-review', 'The payment needs no review any more.');
  return payment;
}
