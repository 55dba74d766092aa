/** Workflow types, as they are registered. */
export const WORKFLOWS = {
  webhookDelivery: 'webhookDelivery',
  sweepOverdue: 'sweepOverdue',
  retention: 'retention',
} as const;

/** Updates and queries of `webhookDelivery`. */
export const RETRY_NOW = 'retryNow';
export const CANCEL = 'cancel';
export const PROGRESS = 'progress';

export const SCHEDULES = {
  sweepOverdue: 'sweep-overdue',
  retention: 'retention',
} as const;

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
