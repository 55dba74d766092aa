/** Workflow types of this domain, as they are registered. */
export const WEBHOOK_WORKFLOWS = {
  webhookDelivery: 'webhookDelivery',
  sweepOverdue: 'sweepOverdue',
  retention: 'retention',
} as const;

/** Updates and queries of `webhookDelivery`. */
export const RETRY_NOW = 'retryNow';
export const CANCEL = 'cancel';
export const PROGRESS = 'progress';

/** Ids of the standing Schedules, and of the workflows that they start. */
export const WEBHOOK_SCHEDULES = {
  sweepOverdue: 'sweep-overdue',
  retention: 'retention',
} as const;

/** Most deliveries in one workflow. */
export const MAX_DELIVERIES_PER_WORKFLOW = 500;

/** The id of the workflow that covers one delivery alone. */
export function deliveryWorkflowId(deliveryId: string): string {
  return `webhook-delivery/${deliveryId}`;
}

/** The id of a workflow that covers a batch; a part number follows, since a batch may fill several. */
export function batchWorkflowId(batch: string): string {
  return `webhook-delivery/batch_${batch}`;
}

/** The id of the sweep for an endpoint's released deliveries. */
export function sweepForEndpointId(endpointId: string): string {
  return `sweep-overdue/${endpointId}`;
}
