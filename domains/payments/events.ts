import type { PublicId } from '../../core/ids';
import type { OwnEvent } from '../webhooks';
import type { PaymentEventData, PaymentEventType } from './event-payloads';
import type { Chargeback } from './store/chargebacks';
import type { Payment } from './store/payments';
import type { Refund } from './store/refunds';

/** An event about a payment: one of each type per payment, and one for each time that it needs review. */
export function paymentEvent(
  type: 'payment.captured' | 'payment.declined' | 'payment.failed' | 'payment.needs_review',
  payment: Payment,
): OwnEvent {
  const again = type === 'payment.needs_review' && payment.reviews > 1 ? `:${payment.reviews}` : '';
  return event(type, payment, again, {
    paymentId: payment.id,
    orderId: payment.orderId,
    merchantId: payment.merchantId,
    amount: payment.amount.toString(),
    currency: payment.currency,
    state: payment.state,
    declineCode: payment.declineCode ?? null,
    providerSays: payment.providerSays ?? null,
    capturedAmount: payment.capturedAmount?.toString() ?? null,
    fee: payment.fee?.fee.toString() ?? null,
    feeTax: payment.fee?.tax.toString() ?? null,
    capturedAt: payment.capturedAt?.toISOString() ?? null,
  });
}

/** An event about a refund: one of each type, one for each review, and one for each decision of a person. */
export function refundEvent(
  type: 'refund.succeeded' | 'refund.failed' | 'refund.needs_review' | 'refund.written_off',
  refund: Refund,
): OwnEvent {
  return event(type, refund, occurrenceOf(type, refund), {
    refundId: refund.id,
    paymentId: refund.paymentId,
    amount: refund.amount.toString(),
    currency: refund.currency,
    state: refund.state,
    failureCode: refund.failureCode ?? null,
    refundedAmount: refund.bookedAmount.toString(),
    providerSays: refund.providerSays ?? null,
    feeReturned: refund.returned?.fee.toString() ?? null,
    feeTaxReturned: refund.returned?.tax.toString() ?? null,
    refundedAt: refund.refundedAt?.toISOString() ?? null,
  });
}

/** An event about a chargeback: one of each type, one for each review, and one for each decision of a person. */
export function chargebackEvent(
  type:
    | 'chargeback.opened'
    | 'chargeback.won'
    | 'chargeback.partly_won'
    | 'chargeback.lost'
    | 'chargeback.dismissed'
    | 'chargeback.needs_review',
  chargeback: Chargeback,
): OwnEvent {
  return event(type, chargeback, occurrenceOf(type, chargeback), {
    chargebackId: chargeback.id,
    paymentId: chargeback.paymentId,
    providerReference: chargeback.providerReference,
    amount: chargeback.amount.toString(),
    currency: chargeback.currency,
    reason: chargeback.reason,
    state: chargeback.state,
    takenAmount: chargeback.booked.amount.toString(),
    reviewCode: chargeback.reviewCode ?? null,
    providerSays: chargeback.providerSays ?? null,
    fee: chargeback.fee?.fee.toString() ?? null,
    feeTax: chargeback.fee?.tax.toString() ?? null,
    occurredAt: chargeback.occurredAt.toISOString(),
  });
}

/** The end of an event's id, by which a second event of a type differs from the first. */
function occurrenceOf(type: string, { reviews, resolutions }: { reviews: number; resolutions: number }): string {
  const number = type.endsWith('.needs_review') ? reviews : resolutions + 1;
  return number > 1 ? `:${number}` : '';
}

/** An event that says what the document of the API says of its type. */
function event<T extends PaymentEventType>(
  eventType: T,
  { tenantId, id }: { tenantId: PublicId; id: PublicId },
  occurrence: string,
  payload: PaymentEventData<T>,
): OwnEvent {
  return { tenantId, eventType, payload, eventId: `${id}:${eventType}${occurrence}` };
}
