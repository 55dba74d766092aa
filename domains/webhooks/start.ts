import { type Client, WithStartWorkflowOperation, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import { withTimeout } from '../../core/timeout';
import { ENDPOINT_IDS, MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import type { Lane } from './rules/lane';
import { LANE_PRIORITY } from './rules/lane-priority';
import {
  backlogWorkflowId,
  type CANCEL,
  type DRAIN_AT,
  LOOK,
  MORE,
  type PAUSE,
  type PROBE_NOW,
  type RESUME,
  RETRY_NOW,
  type ReplayCommand,
  recoveryWorkflowId,
  replayWorkflowId,
  type TRY_NOW,
  WEBHOOK_WORKFLOWS,
} from './rules/workflow-names';
import type { Backlog } from './store/backlog';

/** How long a request waits for a workflow. After that it acts without one, or leaves the work to the next sweep. */
const ANSWER_WITHIN_MS = 5_000;

/** The client that starts workflows, and the name of their task queues. */
export interface StartDeps {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/** A batch of deliveries for one workflow to finish. */
export interface Cover {
  workflowId: string;
  open: PublicId[];
  /** How many of the batch have ended already, by state. */
  ended: Record<string, number>;
  tenantIds: readonly PublicId[];
  endpointIds: readonly PublicId[];
  /** Milliseconds until something can be due; the server delays the workflow's first task by as much. */
  startDelayMs: number;
  /** Whether the deliveries are stored under another workflow, from which this one takes them over. */
  takesOver?: boolean;
  /** The most urgent of its deliveries; normal where absent. */
  lane?: Lane;
}

/**
 * Starts the workflow of a batch.
 *
 * @param options - `once`: refuse also when a run with this id has ended, not only while one is running
 * @returns false when it was refused; what is or was running is kept
 */
export async function startCover(deps: StartDeps, cover: Cover, options: { once?: boolean } = {}): Promise<boolean> {
  const { ALLOW_DUPLICATE, REJECT_DUPLICATE } = WorkflowIdReusePolicy;
  try {
    await deps.client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
      ...coverOptions(deps, cover),
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      workflowIdReusePolicy: options.once === true ? REJECT_DUPLICATE : ALLOW_DUPLICATE,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

/** The delivery that a command is for. */
export interface CommandedDelivery {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId;
  workflowId: string;
  /** Whether this process attempts it already. */
  attempted?: boolean;
}

/**
 * Sends a command to the delivery's workflow and waits until it is carried out. A workflow that has ended, or was never
 * started, is started for it.
 *
 * @throws when Temporal cannot be reached or does not answer in time; the command may still be carried out
 */
export async function updateDelivery(
  deps: StartDeps,
  command: typeof RETRY_NOW | typeof CANCEL,
  { id, tenantId, endpointId, workflowId, attempted = false }: CommandedDelivery,
): Promise<void> {
  const cover = {
    workflowId,
    open: [id],
    ended: {},
    tenantIds: [tenantId],
    endpointIds: [endpointId],
    startDelayMs: 0,
  };
  const startWorkflowOperation = new WithStartWorkflowOperation(WEBHOOK_WORKFLOWS.webhookDelivery, {
    ...coverOptions(deps, cover),
    args: [{ open: [id], settled: {}, ...(command === RETRY_NOW && !attempted ? { insisted: [id] } : {}) }],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
  await withTimeout(
    deps.client.workflow.executeUpdateWithStart(command, {
      args: attempted ? [[id], true] : [[id]],
      startWorkflowOperation,
    }),
    ANSWER_WITHIN_MS,
  );
}

/**
 * Starts the workflow of an endpoint's backlog, or tells the one that is running that there is more, or that it should
 * try now.
 *
 * @throws when Temporal cannot be reached or does not answer in time
 */
export async function startBacklog(
  { client, config }: StartDeps,
  { endpointId, tenantId }: Backlog,
  signal: typeof MORE | typeof TRY_NOW = MORE,
): Promise<void> {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: ENDPOINT_IDS, value: [endpointId] },
    { key: WAYBILL_STATE, value: 'retrying' },
  ];
  await withTimeout(
    client.workflow.signalWithStart(WEBHOOK_WORKFLOWS.endpointBacklog, {
      workflowId: backlogWorkflowId(endpointId),
      taskQueue: taskQueue(config, 'backlog'),
      args: [{ endpointId }],
      signal,
      typedSearchAttributes: attributes,
      staticSummary: `Deliveries that ${endpointId} could not take at once`,
    }),
    ANSWER_WITHIN_MS,
  );
}

/** An endpoint whose circuit is not closed. */
export interface Recovering {
  endpointId: PublicId;
  tenantId: PublicId;
}

/** Commands on the workflow of an incident. `drainAt` takes deliveries a second. */
export type RecoveryCommand = typeof PAUSE | typeof RESUME | typeof PROBE_NOW | typeof DRAIN_AT;

/**
 * Starts the workflow that attends to an endpoint's open circuit, unless it is running; or tells the one that is running
 * to try now.
 *
 * @throws when Temporal cannot be reached or does not answer in time
 */
export async function startRecovery(deps: StartDeps, recovering: Recovering, signal?: typeof TRY_NOW): Promise<void> {
  const options = recoveryOptions(deps, recovering);
  const { workflow } = deps.client;
  const started =
    signal === undefined
      ? workflow
          .start(WEBHOOK_WORKFLOWS.endpointRecovery, {
            ...options,
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
          })
          .then(() => undefined)
      : workflow
          .signalWithStart(WEBHOOK_WORKFLOWS.endpointRecovery, { ...options, signal, signalArgs: [] })
          .then(() => undefined);
  await withTimeout(started, ANSWER_WITHIN_MS);
}

/**
 * Sends a command to the workflow of an incident, which is started if it is missing, and waits until it is carried out.
 *
 * @throws when Temporal cannot be reached or does not answer in time; the command may still be carried out
 */
export async function updateRecovery(
  deps: StartDeps,
  recovering: Recovering,
  command: RecoveryCommand,
  args: [] | [number] = [],
): Promise<void> {
  const startWorkflowOperation = new WithStartWorkflowOperation(WEBHOOK_WORKFLOWS.endpointRecovery, {
    ...recoveryOptions(deps, recovering),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
  await withTimeout(
    deps.client.workflow.executeUpdateWithStart(command, { args, startWorkflowOperation }),
    ANSWER_WITHIN_MS,
  );
}

function recoveryOptions({ config }: StartDeps, { endpointId, tenantId }: Recovering) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: ENDPOINT_IDS, value: [endpointId] },
    { key: WAYBILL_STATE, value: 'open' },
  ];
  return {
    workflowId: recoveryWorkflowId(endpointId),
    taskQueue: taskQueue(config, 'backlog'),
    args: [{ endpointId }],
    typedSearchAttributes: attributes,
    staticSummary: `The circuit of ${endpointId}, which fails`,
  };
}

/** What the workflow of a replay is started for. */
export interface StartedReplay {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId | undefined;
}

/**
 * Starts the workflow of a replay, or has the one that is running look again.
 *
 * @throws when Temporal cannot be reached or does not answer in time
 */
export async function startReplayWorkflow(deps: StartDeps, replay: StartedReplay): Promise<void> {
  await withTimeout(
    deps.client.workflow.signalWithStart(WEBHOOK_WORKFLOWS.replayDeliveries, {
      ...replayOptions(deps, replay),
      signal: LOOK,
    }),
    ANSWER_WITHIN_MS,
  );
}

/** Sends a command to the workflow of a replay, which is started if need be. @throws as {@link startReplayWorkflow} */
export async function updateReplay(deps: StartDeps, command: ReplayCommand, replay: StartedReplay): Promise<void> {
  const startWorkflowOperation = new WithStartWorkflowOperation(WEBHOOK_WORKFLOWS.replayDeliveries, {
    ...replayOptions(deps, replay),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
  await withTimeout(
    deps.client.workflow.executeUpdateWithStart(command, { args: [], startWorkflowOperation }),
    ANSWER_WITHIN_MS,
  );
}

function replayOptions({ config }: StartDeps, { id, tenantId, endpointId }: StartedReplay) {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    ...(endpointId === undefined ? [] : [{ key: ENDPOINT_IDS, value: [endpointId] }]),
    { key: WAYBILL_STATE, value: 'preparing' },
  ];
  return {
    workflowId: replayWorkflowId(id),
    taskQueue: taskQueue(config, 'backlog'),
    args: [{ replayId: id }],
    typedSearchAttributes: attributes,
    staticSummary: `${id}: ${endpointId ?? 'all endpoints of the tenant'}`,
  };
}

/** The start options of every `webhookDelivery`. */
function coverOptions({ config }: StartDeps, cover: Cover) {
  const { workflowId, open, ended, endpointIds, startDelayMs, lane = 'normal' } = cover;
  const priority = LANE_PRIORITY[lane];
  const total = open.length + Object.values(ended).reduce((sum, count) => sum + count, 0);
  const only = total === 1 ? `delivery ${workflowId.slice(workflowId.indexOf('/') + 1)}` : `${total} deliveries`;
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: cover.tenantIds.slice(0, MAX_LISTED_IDS) },
    { key: ENDPOINT_IDS, value: endpointIds.slice(0, MAX_LISTED_IDS) },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  return {
    workflowId,
    taskQueue: taskQueue(config, 'delivery'),
    // Running workflows know it as `settled`.
    args: [{ open, settled: ended }],
    typedSearchAttributes: attributes,
    staticSummary: `${lane === 'normal' ? '' : `${lane}: `}${only} to ${describeEndpoints(endpointIds)}`,
    ...(priority === undefined ? {} : { priority }),
    ...(startDelayMs > 0 ? { startDelay: Math.ceil(startDelayMs) } : {}),
  };
}

function describeEndpoints(endpointIds: readonly PublicId[]): string {
  const [first] = endpointIds;
  if (first === undefined) return 'no endpoint';
  if (endpointIds.length === 1) return first;
  const unlisted = endpointIds.length > MAX_LISTED_IDS ? ` (search attributes list ${MAX_LISTED_IDS})` : '';
  return `${endpointIds.length} endpoints${unlisted}`;
}
