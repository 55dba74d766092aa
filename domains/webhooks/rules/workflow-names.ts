/** Workflow types of this domain, as they are registered. */
export const WEBHOOK_WORKFLOWS = {
  webhookDelivery: 'webhookDelivery',
  endpointBacklog: 'endpointBacklog',
  replayDeliveries: 'replayDeliveries',
  endpointRecovery: 'endpointRecovery',
  sweepOverdue: 'sweepOverdue',
  retention: 'retention',
} as const;

/** Signals of `endpointBacklog`: there is more; and: its endpoint was changed, which may help. */
export const MORE = 'more';
export const TRY_NOW = 'tryNow';

/** Updates of `endpointRecovery`; it also knows the signal `tryNow`. */
export const PAUSE = 'pause';
export const RESUME = 'resume';
export const PROBE_NOW = 'probeNow';
export const DRAIN_AT = 'drainAt';

/** Updates and queries of `webhookDelivery`. */
export const RETRY_NOW = 'retryNow';
export const CANCEL = 'cancel';
export const PROGRESS = 'progress';

/** Updates of `replayDeliveries`, and the signal that has it look again. */
export const REPLAY_COMMANDS = ['pause', 'resume', 'cancel'] as const;
export type ReplayCommand = (typeof REPLAY_COMMANDS)[number];
export const LOOK = 'look';

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

/** What the ids of workflows that attend to an endpoint's backlog begin with; the endpoint's id follows. */
export const BACKLOG_WORKFLOW_PREFIX = 'endpoint-backlog/';

/** The id of the workflow that attends to an endpoint's backlog. */
export function backlogWorkflowId(endpointId: string): string {
  return `${BACKLOG_WORKFLOW_PREFIX}${endpointId}`;
}

/** The id of the workflow that attends to an endpoint whose circuit is open. */
export function recoveryWorkflowId(endpointId: string): string {
  return `endpoint-recovery/${endpointId}`;
}

/** The id of the workflow of a replay. */
export function replayWorkflowId(replayId: string): string {
  return `replay/${replayId}`;
}
