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
  subscriberErasureWorkflowId,
  subscriberExportWorkflowId,
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
  const startWorkflowOperation = new WithStartWorkflowOperation(
    PREFERENCE_WORKFLOWS.preferenceChange,
    startOptions(deps, { changeId, tenantId, summary: `${kind} of ${subscriberId}` }, command),
  );
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
    deps.client.workflow.start(PREFERENCE_WORKFLOWS.preferenceChange, startOptions(deps, change, null)),
    withinMs,
  );
}

/** Starts the workflow that collects an export; one that is running is kept. @throws TimedOut */
export async function startExport(
  deps: PreferenceStarter,
  { id, tenantId, subscriberId }: { id: PublicId; tenantId: PublicId; subscriberId: PublicId },
  withinMs: number,
): Promise<void> {
  const workflowId = subscriberExportWorkflowId(id);
  const options = ownOptions(deps, { workflowId, tenantId, summary: `everything held about ${subscriberId}` });
  const start = deps.client.workflow.start(PREFERENCE_WORKFLOWS.subscriberExport, { ...options, args: [id] });
  await withTimeout(start, withinMs);
}

/** Starts the workflow that ends an erasure; one that is running is kept. @throws TimedOut */
export async function startErasure(
  deps: PreferenceStarter,
  { tenantId, subscriberId }: { tenantId: PublicId; subscriberId: PublicId },
  withinMs: number,
): Promise<void> {
  const workflowId = subscriberErasureWorkflowId(subscriberId);
  const options = ownOptions(deps, { workflowId, tenantId, summary: `erasure of ${subscriberId}` });
  const start = deps.client.workflow.start(PREFERENCE_WORKFLOWS.subscriberErasure, {
    ...options,
    args: [subscriberId],
  });
  await withTimeout(start, withinMs);
}

/** Starts the workflow of a bulk suppression; one that is running is kept. @throws TimedOut */
export async function startBulkWorkflow(
  deps: PreferenceStarter,
  { id, tenantId }: { id: PublicId; tenantId: PublicId },
): Promise<void> {
  const workflowId = bulkSuppressionWorkflowId(id);
  const args: [BulkSuppressionInput] = [{ bulkId: id, tenantId }];
  const start = deps.client.workflow.start(PREFERENCE_WORKFLOWS.bulkSuppression, {
    ...ownOptions(deps, { workflowId, tenantId, summary: `${id}: many addresses are suppressed` }),
    // One that is long keeps nobody from opting out.
    taskQueue: taskQueue(deps.config, 'upkeep'),
    args,
  });
  await withTimeout(start, START_WITHIN_MS);
}

function startOptions(
  deps: PreferenceStarter,
  { changeId, tenantId, summary }: CommittedChange,
  command: ChangeCommand | null,
) {
  const args: [PreferenceChangeInput] = [{ changeId, command }];
  return { ...ownOptions(deps, { workflowId: preferenceChangeWorkflowId(changeId), tenantId, summary }), args };
}

function ownOptions(
  { config }: PreferenceStarter,
  { workflowId, tenantId, summary }: { workflowId: string; tenantId: PublicId; summary: string },
) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  return {
    workflowId,
    taskQueue: taskQueue(config, 'notifications'),
    staticSummary: summary,
    typedSearchAttributes: attributes,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  };
}
