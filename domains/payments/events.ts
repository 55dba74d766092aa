import type { PublicId } from '../../core/ids';
import type { OwnEvent, SystemEventType } from '../webhooks';
import type { Chargeback } from './store/chargebacks';
import type { Payment } from './store/payments';
import type { Refund } from './store/refunds';

/** An event about a payment: one of each type per payment, and one for each time that it needs review. */
export function paymentEvent(
  type: 'payment.captured' | 'payment.declined' | 'payment.failed' | 'payment.needs_review',
  payment: Payment,
): OwnEvent {
  const again = type === 'payment.needs_review' && payment.reviews > 1 ? `:${payment.reviews}` : '';
  return event(payment.tenantId, type, payment.id, again, {
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

/** An event about a refund: at most one of each type per refund. */
export function refundEvent(
  type: 'refund.succeeded' | 'refund.failed' | 'refund.needs_review',
  refund: Refund,
): OwnEvent {
  return event(refund.tenantId, type, refund.id, '', {
    refundId: refund.id,
    paymentId: refund.paymentId,
    amount: refund.amount.toString(),
    currency: refund.currency,
    state: refund.state,
    failureCode: refund.failureCode ?? null,
    feeReturned: refund.returned?.fee.toString() ?? null,
    feeTaxReturned: refund.returned?.tax.toString() ?? null,
    refundedAt: refund.refundedAt?.toISOString() ?? null,
  });
}

/** An event about a chargeback: at most one of each type per chargeback. */
export function chargebackEvent(
  type: 'chargeback.opened' | 'chargeback.won' | 'chargeback.needs_review',
  chargeback: Chargeback,
): OwnEvent {
  return event(chargeback.tenantId, type, chargeback.id, '', {
    chargebackId: chargeback.id,
    paymentId: chargeback.paymentId,
    providerReference: chargeback.providerReference,
    amount: chargeback.amount.toString(),
    currency: chargeback.currency,
    reason: chargeback.reason,
    state: chargeback.state,
    fee: chargeback.fee?.fee.toString() ?? null,
    feeTax: chargeback.fee?.tax.toString() ?? null,
    occurredAt: chargeback.occurredAt.toISOString(),
  });
}

function event(
  tenantId: PublicId,
  eventType: SystemEventType,
  subject: PublicId,
  occurrence: string,
  payload: unknown,
): OwnEvent {
  return { tenantId, eventType, payload, eventId: `${subject}:${eventType}${occurrence}` };
}
