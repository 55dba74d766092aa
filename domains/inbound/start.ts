import type { Client } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import { MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { startOrTell } from '../../infra/temporal/start-or-tell';
import { taskQueue } from '../../infra/temporal/task-queues';
import { INBOUND_WORKFLOWS } from './rules/workflow-names';

/** What workflows are started with. */
export interface InboundStarter {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/** A workflow that finds the events it attends to by its id. */
export interface Processing {
  workflowId: string;
  /** Whose events, where that is known. */
  tenantIds: readonly PublicId[];
  /** For Web UI. */
  summary: string;
}

/** Starts the workflow that processes the events stored under its id; one that is running is kept. */
export async function startProcessing({ client, config }: InboundStarter, processing: Processing): Promise<void> {
  await client.workflow.start(INBOUND_WORKFLOWS.processInboundWebhook, {
    ...startOptions(config, processing),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}

/** Has the events stored under a workflow's id processed again, though the workflow may be about to end. */
export function processAgain({ client, config }: InboundStarter, processing: Processing): Promise<void> {
  return startOrTell(client, INBOUND_WORKFLOWS.processInboundWebhook, startOptions(config, processing));
}

function startOptions(config: InboundStarter['config'], { workflowId, tenantIds, summary }: Processing) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: tenantIds.slice(0, MAX_LISTED_IDS) },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  return {
    workflowId,
    taskQueue: taskQueue(config, 'delivery'),
    args: [],
    staticSummary: summary,
    typedSearchAttributes: attributes,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  };
}
