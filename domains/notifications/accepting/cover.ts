import type { Platform } from '../../../infra/platform/platform';
import { createSharedWorkflows, type SharedWorkflows } from '../../../infra/temporal/shared-workflows';
import { notificationBatchWorkflowId } from '../rules/workflow-names';
import { startSending } from '../start';

/** Gives every accepted notification a workflow. Opened once per process: `platform.once(openCover)`. */
export function openCover(platform: Platform): SharedWorkflows {
  const workflows = createSharedWorkflows({
    batchWorkflowId: notificationBatchWorkflowId,
    things: 'notifications',
    ownWorkflowsPerSecond: platform.config.WAYBILL_OWN_WORKFLOWS_PER_SECOND,
    start: (cover) => startSending(platform, cover),
    log: platform.log,
  });
  platform.onClose(() => workflows.drain());
  return workflows;
}
