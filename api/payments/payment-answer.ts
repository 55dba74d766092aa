import { isEnded, type Payment } from '../../domains/payments';
import { paymentSchema, paymentView } from './payment-schemas';

/** The answers to a request that makes a payment. */
export const PAYMENT_ANSWERS = {
  201: {
    description: 'The payment, ended: captured, declined, failed or voided, or in need of review. `state` says which.',
    body: paymentSchema,
    headers: { Location: "The payment's path." },
  },
  202: {
    description: 'The payment is in progress: look again, or wait for an event such as `payment.captured`.',
    body: paymentSchema,
    headers: { Location: "The payment's path." },
  },
};

export function paymentAnswer(payment: Payment, workflowUrl: (workflowId: string) => string) {
  const headers = { location: `/v1/payments/${payment.id}` };
  const body = paymentView(payment, workflowUrl);
  return isEnded(payment) ? { status: 201 as const, headers, body } : { status: 202 as const, headers, body };
}
