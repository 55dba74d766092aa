/** Workflow types of this domain, as they are registered. */
export const NOTIFICATION_WORKFLOWS = {
  sendNotification: 'sendNotification',
  sweepNotifications: 'sweepNotifications',
} as const;

/** The id of the standing Schedule of the sweep, and of the workflow that it starts. */
export const SWEEP_NOTIFICATIONS_SCHEDULE = 'sweep-notifications';

/** The query for how far a workflow has got. */
export const NOTIFICATION_PROGRESS = 'progress';

/** The signal that some of a workflow's sends are due sooner than they were. */
export const LOOK_AGAIN = 'lookAgain';

/** The workflow that attends to all sends which nothing else attends to. */
export const OVERDUE_WORKFLOW = 'notification/overdue';

/** The id of the workflow of one notification. */
export function notificationWorkflowId(notificationId: string): string {
  return `notification/${notificationId}`;
}

/** The id of the workflow of notifications that were accepted close together. */
export function notificationBatchWorkflowId(batch: string): string {
  return `notification/batch_${batch}`;
}
