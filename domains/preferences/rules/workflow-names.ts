/** Workflow types of this domain, as they are registered. */
export const PREFERENCE_WORKFLOWS = {
  bulkSuppression: 'bulkSuppression',
  preferenceChange: 'preferenceChange',
  subscriberExport: 'subscriberExport',
  subscriberErasure: 'subscriberErasure',
  sweepPreferences: 'sweepPreferences',
} as const;

/** The id of the standing Schedule of the sweep, and of the workflow that it starts. */
export const SWEEP_PREFERENCES_SCHEDULE = 'sweep-preferences';

/** The update that is answered once the change is committed, or refused. */
export const COMMITTED = 'committed';

/** The id of the workflow of a change. */
export function preferenceChangeWorkflowId(changeId: string): string {
  return `preference-change/${changeId}`;
}

/** The query that says where a bulk suppression stands. */
export const BULK_PROGRESS = 'progress';

/** The update that cancels a bulk suppression. */
export const CANCEL_BULK = 'cancel';

/** The id of the workflow of a bulk suppression. */
export function bulkSuppressionWorkflowId(bulkId: string): string {
  return `bulk-suppression/${bulkId}`;
}

/** The id of the workflow that collects an export. */
export function subscriberExportWorkflowId(exportId: string): string {
  return `subscriber-export/${exportId}`;
}

/** The id of the workflow that ends the erasure of a subscriber. */
export function subscriberErasureWorkflowId(subscriberId: string): string {
  return `subscriber-erasure/${subscriberId}`;
}
