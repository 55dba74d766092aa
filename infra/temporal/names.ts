/** Workflow types, as they are registered. */
export const WORKFLOWS = {
  webhookDelivery: 'webhookDelivery',
  sweepOverdue: 'sweepOverdue',
  retention: 'retention',
  payment: 'payment',
  refund: 'refund',
  chargeback: 'chargeback',
  sweepPayments: 'sweepPayments',
  settlementLauncher: 'settlementLauncher',
  settlementDay: 'settlementDay',
} as const;

/** Updates and queries of `webhookDelivery`. */
export const RETRY_NOW = 'retryNow';
export const CANCEL = 'cancel';
export const PROGRESS = 'progress';

export const SCHEDULES = {
  sweepOverdue: 'sweep-overdue',
  sweepPayments: 'sweep-payments',
  retention: 'retention',
} as const;

/** The id of the workflow that makes a payment. */
export function paymentWorkflowId(paymentId: string): string {
  return `payment/${paymentId}`;
}

/** The id of the workflow that makes a refund. */
export function refundWorkflowId(refundId: string): string {
  return `refund/${refundId}`;
}

/** The id of the workflow that posts a chargeback. */
export function chargebackWorkflowId(chargebackId: string): string {
  return `chargeback/${chargebackId}`;
}

/** The id of the workflow that covers one delivery alone. */
export function deliveryWorkflowId(deliveryId: string): string {
  return `webhook-delivery/${deliveryId}`;
}

/** The id of the sweep that follows an endpoint's release. */
export function sweepForEndpointId(endpointId: string): string {
  return `sweep-overdue/${endpointId}`;
}

/** The id of a workflow that covers a batch; a part number follows, since a batch may fill several. */
export function batchWorkflowId(batch: string): string {
  return `webhook-delivery/batch_${batch}`;
}

/** Deliveries in one workflow at most. */
export const MAX_DELIVERIES_PER_WORKFLOW = 500;

/** The id of the workflow that settles a business day. */
export function settlementWorkflowId(tenantId: string, date: string): string {
  return `settlement/${tenantId}/${date}`;
}

/** The id of the workflow that settles a business's days up to one; the same for its Schedule, without the date. */
export function settlementLauncherId(tenantId: string, upTo?: string): string {
  return `settlement-launcher/${tenantId}${upTo === undefined ? '' : `/${upTo}`}`;
}
