import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { PublicId } from '../../core/ids';
import { inTime } from '../../infra/temporal/in-time';
import { TENANT_IDS } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import { stillRunning } from './refusals';
import { SETTLEMENT_WORKFLOWS, settlementLauncherId } from './rules/workflow-names';

/** What workflows are started with. */
export interface Starter {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/**
 * Starts the workflow that settles every day up to one, in order. A retry replaces one that is running.
 *
 * @throws SettlementRefusal `running`
 */
export async function startSettlement(
  { client, config }: Starter,
  { tenantId, upTo, trigger }: { tenantId: PublicId; upTo: string; trigger: 'schedule' | 'manual' | 'retry' },
): Promise<void> {
  try {
    await inTime(
      client.workflow.start(SETTLEMENT_WORKFLOWS.settlementLauncher, {
        workflowId: settlementLauncherId(tenantId, upTo),
        taskQueue: taskQueue(config, 'money'),
        args: [{ tenantId, upTo, trigger }],
        staticSummary: `Settles every day up to ${upTo}`,
        typedSearchAttributes: [{ key: TENANT_IDS, value: [tenantId] }],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        // The launcher whose day did not complete may not have ended yet; the days themselves go on without it.
        workflowIdConflictPolicy:
          trigger === 'retry' ? WorkflowIdConflictPolicy.TERMINATE_EXISTING : WorkflowIdConflictPolicy.FAIL,
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw stillRunning(upTo);
    throw error;
  }
}

/** Whether the workflow that settles a day is running. */
export async function isBeingSettled({ client }: Pick<Starter, 'client'>, workflowId: string): Promise<boolean> {
  try {
    return (await inTime(client.workflow.getHandle(workflowId).describe())).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
