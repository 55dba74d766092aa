import { randomUUID } from 'node:crypto';
import type { Platform } from '../../infra/platform/platform';

/** Resets a workflow to where it began, as Web UI and `temporal workflow reset --type FirstWorkflowTask` do. */
export async function resetWorkflow(
  { client, namespace }: Pick<Platform, 'client' | 'namespace'>,
  workflowId: string,
): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const decided = events?.find((event) => event.workflowTaskCompletedEventAttributes);
  if (!decided?.eventId) throw new Error(`${workflowId} has not begun`);
  await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId, runId },
    reason: 'replay it',
    requestId: randomUUID(),
    workflowTaskFinishEventId: decided.eventId,
  });
}
