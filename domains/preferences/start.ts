import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import { withTimeout } from '../../core/timeout';
import { TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import type { BulkSuppressionInput } from './rules/bulk';
import type { ChangeCommand, CommitResult, PreferenceChangeInput } from './rules/change-command';
import {
  bulkSuppressionWorkflowId,
  COMMITTED,
  PREFERENCE_WORKFLOWS,
  preferenceChangeWorkflowId,
} from './rules/workflow-names';

/** How long a request waits for the start of a bulk suppression's workflow. After that it is left to the sweep. */
const START_WITHIN_MS = 5_000;

/** As the workflow is defined. */
type PreferenceChange = (input: PreferenceChangeInput) => Promise<CommitResult | null>;

/** What workflows are started with. */
export interface PreferenceStarter {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/**
 * Has the workflow of a change commit it, and waits until it has.
 *
 * @returns what became of it; `undefined` when the workflow could not say
 * @throws when Temporal cannot be reached or does not answer in time; the change may still be committed
 */
export async function commitByWorkflow(
  deps: PreferenceStarter,
  command: ChangeCommand,
  withinMs: number,
): Promise<CommitResult | undefined> {
  const { changeId, tenantId, kind, subscriberId } = command;
  const startWorkflowOperation = new WithStartWorkflowOperation(PREFERENCE_WORKFLOWS.preferenceChange, {
    ...startOptions(deps, { changeId, tenantId, summary: `${kind} of ${subscriberId}` }, command),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
  const result: CommitResult | null = await withTimeout(
    deps.client.workflow.executeUpdateWithStart<PreferenceChange, CommitResult | null, []>(COMMITTED, {
      args: [],
      startWorkflowOperation,
    }),
    withinMs,
  );
  return result ?? undefined;
}

/** A change that is committed, and for Web UI what it is. */
export interface CommittedChange {
  changeId: PublicId;
  tenantId: PublicId;
  summary: string;
}

/** Starts the workflow that carries out what follows a committed change; one that is running is kept. @throws TimedOut */
export async function followChange(deps: PreferenceStarter, change: CommittedChange, withinMs: number): Promise<void> {
  await withTimeout(
    deps.client.workflow.start(PREFERENCE_WORKFLOWS.preferenceChange, {
      ...startOptions(deps, change, null),
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    }),
    withinMs,
  );
}

function startOptions(
  { config }: PreferenceStarter,
  { changeId, tenantId, summary }: CommittedChange,
  command: ChangeCommand | null,
) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  const args: [PreferenceChangeInput] = [{ changeId, command }];
  return {
    workflowId: preferenceChangeWorkflowId(changeId),
    taskQueue: taskQueue(config, 'notifications'),
    args,
    staticSummary: summary,
    typedSearchAttributes: attributes,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  };
}

/** Starts the workflow of a bulk suppression; one that is running is kept. @throws TimedOut */
export async function startBulkWorkflow(
  { client, config }: PreferenceStarter,
  { id, tenantId }: { id: PublicId; tenantId: PublicId },
): Promise<void> {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: WAYBILL_STATE, value: 'running' },
  ];
  const args: [BulkSuppressionInput] = [{ bulkId: id, tenantId }];
  await withTimeout(
    client.workflow.start(PREFERENCE_WORKFLOWS.bulkSuppression, {
      workflowId: bulkSuppressionWorkflowId(id),
      // One that is long keeps nobody from opting out.
      taskQueue: taskQueue(config, 'upkeep'),
      args,
      staticSummary: `${id}: many addresses are suppressed`,
      typedSearchAttributes: attributes,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    }),
    START_WITHIN_MS,
  );
}
