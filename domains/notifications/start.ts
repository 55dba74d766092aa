import type { Client } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import type { CoverStart } from '../../infra/temporal/shared-workflows';
import { taskQueue } from '../../infra/temporal/task-queues';
import { LOOK_AGAIN, NOTIFICATION_WORKFLOWS } from './rules/workflow-names';

/** What workflows are started with. */
export interface NotificationStarter {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/** Starts the workflow that sends the notifications stored under its id; one that is running is kept. */
export async function startSending({ client, config }: NotificationStarter, cover: CoverStart): Promise<void> {
  await client.workflow.start(NOTIFICATION_WORKFLOWS.sendNotification, startOptions(config, cover));
}

/** Has a workflow look at once whether any of its sends is due; starts it if it is not running. */
export async function tellToLook({ client, config }: NotificationStarter, cover: CoverStart): Promise<void> {
  const { workflowIdConflictPolicy: _policy, ...options } = startOptions(config, cover);
  await client.workflow.signalWithStart(NOTIFICATION_WORKFLOWS.sendNotification, {
    ...options,
    signal: LOOK_AGAIN,
    signalArgs: [],
  });
}

function startOptions(config: NotificationStarter['config'], { workflowId, tenantIds, summary }: CoverStart) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: tenantIds.slice(0, MAX_LISTED_IDS) },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  return {
    workflowId,
    taskQueue: taskQueue(config, 'notifications'),
    args: [],
    staticSummary: summary,
    typedSearchAttributes: attributes,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  };
}
