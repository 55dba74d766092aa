import type { Platform } from '../../../infra/platform/platform';
import { TRY_NOW } from '../rules/workflow-names';
import { startBacklog } from '../start';
import { type Backlog, hasBacklog } from '../store/backlog';

/**
 * Has an endpoint's backlog tried without waiting for the end of its pause, if there is one: the endpoint was changed,
 * which may help. Does nothing else when Temporal cannot be reached; the backlog goes on by itself later.
 */
export async function tryBacklogNow(platform: Platform, backlog: Backlog): Promise<void> {
  if (!(await hasBacklog(platform.pool, backlog.endpointId))) return;
  await startBacklog(platform, backlog, TRY_NOW).catch((error: unknown) =>
    platform.log.warn({ err: error, endpointId: backlog.endpointId }, 'could not reach the workflow of a backlog'),
  );
}
