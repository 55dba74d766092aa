/** Workflow types of this domain, as they are registered. */
export const INBOUND_WORKFLOWS = {
  processInboundWebhook: 'processInboundWebhook',
  sweepInbound: 'sweepInbound',
} as const;

/** The id of the standing Schedule of the sweep, and of the workflow that it starts. */
export const SWEEP_INBOUND_SCHEDULE = 'sweep-inbound';

/** The query for how far a workflow has got. */
export const INBOUND_PROGRESS = 'progress';

/** The workflow that attends to all events which nothing else attends to. */
export const OVERDUE_WORKFLOW = 'inbound/overdue';

/** The id of the workflow of one event. */
export function inboundWorkflowId(sourceId: string, eventId: string): string {
  return `inbound/${sourceId}/${eventId}`;
}

/** The id of the workflow of events that were accepted close together. */
export function inboundBatchWorkflowId(batch: string): string {
  return `inbound/batch_${batch}`;
}
