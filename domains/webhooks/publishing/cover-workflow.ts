import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../../core/ids';
import { ENDPOINT_IDS, MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../../infra/temporal/search-attributes';
import { WEBHOOK_WORKFLOWS } from '../rules/workflow-names';

/** A batch of deliveries that a workflow is to see to their ends. */
export interface Cover {
  workflowId: string;
  open: PublicId[];
  settled: Record<string, number>;
  tenantIds: readonly PublicId[];
  endpointIds: readonly PublicId[];
  /** Until something can be due; the workflow sleeps so long on the server before its first task. */
  startDelayMs: number;
}

/** The options with which every `webhookDelivery` is started, by whoever. */
export function coverOptions(cover: Cover, taskQueue: string) {
  const total = cover.open.length + Object.values(cover.settled).reduce((sum, count) => sum + count, 0);
  const only =
    total === 1 ? `delivery ${cover.workflowId.slice(cover.workflowId.indexOf('/') + 1)}` : `${total} deliveries`;
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: cover.tenantIds.slice(0, MAX_LISTED_IDS) },
    { key: ENDPOINT_IDS, value: cover.endpointIds.slice(0, MAX_LISTED_IDS) },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  return {
    workflowId: cover.workflowId,
    taskQueue,
    args: [{ open: cover.open, settled: cover.settled }],
    typedSearchAttributes: attributes,
    staticSummary: `${only} to ${describeEndpoints(cover.endpointIds)}`,
    ...(cover.startDelayMs > 0 ? { startDelay: Math.ceil(cover.startDelayMs) } : {}),
  };
}

/**
 * Starts the workflow of a batch.
 *
 * @param once - whether to refuse also when a run with this id has ended, not only when one is running
 * @returns false when it was refused; what is or was running is kept
 */
export async function startCover(client: Client, cover: Cover, taskQueue: string, once = false): Promise<boolean> {
  try {
    await client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
      ...coverOptions(cover, taskQueue),
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      workflowIdReusePolicy: once ? WorkflowIdReusePolicy.REJECT_DUPLICATE : WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

function describeEndpoints(endpointIds: readonly PublicId[]): string {
  const [first] = endpointIds;
  if (first === undefined) return 'no endpoint';
  if (endpointIds.length === 1) return first;
  const unlisted = endpointIds.length > MAX_LISTED_IDS ? ` (search attributes list ${MAX_LISTED_IDS})` : '';
  return `${endpointIds.length} endpoints${unlisted}`;
}
