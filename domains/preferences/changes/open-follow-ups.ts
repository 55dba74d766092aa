import type { Platform } from '../../../infra/platform/platform';
import { type BoundedStarts, createBoundedStarts } from '../../../infra/temporal/bounded-starts';
import { preferenceChangeWorkflowId } from '../rules/workflow-names';
import { type CommittedChange, followChange } from '../start';

const WITHIN_MS = 10_000;

/** Opens what starts the workflows of what is committed already, once per process. */
export function openFollowUps({ log, onClose }: Platform): BoundedStarts {
  const starts = createBoundedStarts(log);
  onClose(() => starts.drain());
  return starts;
}

/** Has what follows a committed change carried out soon, without waiting for it; what cannot be started is left to the sweep. */
export function followSoon(platform: Platform, change: CommittedChange): void {
  const workflowId = preferenceChangeWorkflowId(change.changeId);
  platform.once(openFollowUps).start(workflowId, () => followChange(platform, change, WITHIN_MS));
}
