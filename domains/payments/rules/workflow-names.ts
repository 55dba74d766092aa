/** Workflow types of this domain, as they are registered. */
export const PAYMENT_WORKFLOWS = {
  payment: 'payment',
  paymentBatch: 'paymentBatch',
  refund: 'refund',
  refundBatch: 'refundBatch',
  chargeback: 'chargeback',
  sweepPayments: 'sweepPayments',
} as const;

/** The signal that tells a refund's workflow that the provider has reported something. */
export const REFUND_REPORTED = 'reported';

/** The id of the standing Schedule of the sweep, and of the workflow that it starts. */
export const SWEEP_PAYMENTS_SCHEDULE = 'sweep-payments';

/** The id of the workflow that makes a payment. */
export function paymentWorkflowId(paymentId: string): string {
  return `payment/${paymentId}`;
}

/** The id of the workflow of payments that were accepted close together. */
export function paymentBatchWorkflowId(batch: string): string {
  return `payments/${batch}`;
}

/** The id of a refund's own workflow. */
export function refundWorkflowId(refundId: string): string {
  return `refund/${refundId}`;
}

/** The id of the workflow of refunds that were accepted close together. */
export function refundBatchWorkflowId(batch: string): string {
  return `refunds/${batch}`;
}

/** The id of the workflow that posts a chargeback. */
export function chargebackWorkflowId(chargebackId: string): string {
  return `chargeback/${chargebackId}`;
}
