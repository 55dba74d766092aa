/** Workflow types of this domain, as they are registered. */
export const PREFERENCE_WORKFLOWS = {
  preferenceChange: 'preferenceChange',
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
