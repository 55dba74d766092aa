import { isEnded, type Paid } from '../../domains/payments';
import { paymentSchema, paymentView } from './payment-schemas';

/** A payment that has not ended within ten seconds waits for a provider. */
const LOOK_AGAIN_SECONDS = 5;

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
    headers: { Location: "The payment's path.", 'Retry-After': 'Seconds after which to look again.' },
  },
};

/** The answer to a request that makes a payment: the payment as it is, also to a repetition. */
export function paymentAnswer({ payment, repeated }: Paid, workflowUrl: (workflowId: string) => string) {
  const headers = {
    location: `/v1/payments/${payment.id}`,
    ...(repeated ? { 'idempotent-replayed': 'true' } : {}),
  };
  const body = paymentView(payment, workflowUrl);
  if (isEnded(payment)) return { status: 201 as const, headers, body };
  return { status: 202 as const, headers: { ...headers, 'retry-after': String(LOOK_AGAIN_SECONDS) }, body };
}
