import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import { withTimeout } from '../../core/timeout';
import type { PlatformConfig } from '../../infra/platform/config';
import { inTime } from '../../infra/temporal/in-time';
import { MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import type { PaymentsConfig } from './config';
import type { ChargebackInput, FlowEnd, PaymentBatchInput, PaymentInput, RefundInput } from './rules/payment-flow';
import { PAYMENT_WORKFLOWS, REFUND_REPORTED } from './rules/workflow-names';

/** What workflows are started with. */
export interface Starter {
  client: Client;
  config: Pick<PlatformConfig & PaymentsConfig, 'WAYBILL_TASK_QUEUE' | 'WAYBILL_PAYMENT_PACE'>;
}

type Started = { id: PublicId; tenantId: PublicId; workflowId: string; amount: bigint; currency: string };
type Source = { type: 'card' | 'wallet' };
type Flow = (input: PaymentInput | RefundInput | ChargebackInput) => Promise<FlowEnd>;

export interface StartOptions {
  /** Whether it may have been tried before; then a workflow that has ended starts anew, and asks the provider first. */
  resume: boolean;
}

/**
 * Starts a payment's workflow; one that is running is kept.
 *
 * @returns `undefined` when it has ended and must not start again
 */
export function startPayment(
  starter: Starter,
  payment: Started & { source: Source; orderId: PublicId },
  { resume, ended }: StartOptions & { ended?: Ended | undefined },
) {
  const { id: paymentId, source, amount, currency, orderId } = payment;
  const end = ended && { ended: endOf(ended) };
  const input: PaymentInput = { paymentId, source: source.type, resume, ...end, ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) for ${orderId} by ${source.type}`;
  return start(starter, payment, { type: PAYMENT_WORKFLOWS.payment, input, summary, again: resume });
}

/** How a payment ended before its workflow was started. */
interface Ended {
  state: string;
  declineCode: string | undefined;
}

function endOf({ state, declineCode }: Ended): FlowEnd {
  return declineCode === undefined ? { state } : { state, code: declineCode };
}

/** Starts the workflow of payments that were accepted close together. */
export async function startPaymentBatch(
  starter: Starter,
  batch: PaymentBatchInput & { workflowId: string; tenantIds: readonly PublicId[] },
): Promise<void> {
  const { workflowId, tenantIds, open, ended } = batch;
  const total = open.length + Object.values(ended).reduce((sum, count) => sum + count, 0);
  const input: PaymentBatchInput = { open, ended, ...pace(starter) };
  await starter.client.workflow.start(PAYMENT_WORKFLOWS.paymentBatch, {
    workflowId,
    taskQueue: taskQueue(starter.config, 'money'),
    args: [input],
    staticSummary: `${total} payments`,
    typedSearchAttributes: [
      { key: TENANT_IDS, value: tenantIds.slice(0, MAX_LISTED_IDS) },
      { key: WAYBILL_STATE, value: 'pending' },
    ],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}

/** As {@link startPayment}, for a refund; `source` is where its payment's money came from. */
export function startRefund(
  starter: Starter,
  refund: Started & { paymentId: PublicId },
  { resume, source }: StartOptions & { source: Source['type'] },
) {
  const { id: refundId, amount, currency, paymentId } = refund;
  const input: RefundInput = { refundId, source, resume, ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} back to the ${source}`;
  return start(starter, refund, { type: PAYMENT_WORKFLOWS.refund, input, summary, again: resume });
}

/** Tells a refund's workflow that the provider has reported something, so that it need not wait. */
export async function wakeRefund({ client }: Pick<Starter, 'client'>, refund: { workflowId: string }): Promise<void> {
  await inTime(client.workflow.getHandle(refund.workflowId).signal(REFUND_REPORTED));
}

/** As {@link startPayment}, for a chargeback; it may start anew whenever there is something to do. */
export function startChargeback(starter: Starter, chargeback: Started & { paymentId: PublicId }) {
  const { id: chargebackId, amount, currency, paymentId } = chargeback;
  const input: ChargebackInput = { chargebackId, ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} charged back`;
  return start(starter, chargeback, { type: PAYMENT_WORKFLOWS.chargeback, input, summary, again: true });
}

interface Workflow {
  type: string;
  input: PaymentInput | RefundInput | ChargebackInput;
  /** For Web UI. */
  summary: string;
  /** Whether one that has ended is started anew. */
  again: boolean;
}

async function start(
  { client, config }: Starter,
  { workflowId, tenantId }: Started,
  { type, input, summary, again }: Workflow,
): Promise<WorkflowHandle<Flow> | undefined> {
  try {
    return await client.workflow.start<Flow>(type, {
      workflowId,
      taskQueue: taskQueue(config, 'money'),
      args: [input],
      staticSummary: summary,
      typedSearchAttributes: [
        { key: TENANT_IDS, value: [tenantId] },
        { key: WAYBILL_STATE, value: 'pending' },
      ],
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowIdReusePolicy: again ? WorkflowIdReusePolicy.ALLOW_DUPLICATE : WorkflowIdReusePolicy.REJECT_DUPLICATE,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

function pace({ config }: Starter): { pace?: number } {
  return config.WAYBILL_PAYMENT_PACE === 1 ? {} : { pace: config.WAYBILL_PAYMENT_PACE };
}

/** How long a request waits for its payment to end before the answer says where to look instead. */
const RESULT_WAIT_MS = 10_000;

/** temporal.api.enums.v1.HistoryEventFilterType; the enum itself is not exported. */
const CLOSE_EVENT = 2;

/**
 * Waits until a workflow has started and ended, ten seconds in all.
 *
 * Polls the server itself: only an AbortSignal ends `handle.result()` early, and the SDK passes that on through an
 * AsyncLocalStorage, which slows down the whole API (`infra/temporal/client.ts`). Left alone while a provider is down,
 * each request's long poll would go on for half an hour, and the server has room for a few hundred before it turns
 * workers away. Here the server answers a poll in progress within seconds, and none follows.
 *
 * @param started - resolves to `undefined` when there is nothing to wait for
 * @throws TimedOut
 */
export async function waitForEnd(
  { client }: Pick<Starter, 'client'>,
  workflowId: string,
  started: Promise<object | undefined>,
): Promise<void> {
  const until = Date.now() + RESULT_WAIT_MS;
  const left = () => Math.max(1, until - Date.now());
  if ((await withTimeout(started, left())) === undefined) return;
  let nextPageToken: Uint8Array | undefined;
  for (;;) {
    const poll = client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId },
      skipArchival: true,
      waitNewEvent: true,
      historyEventFilterType: CLOSE_EVENT,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    const answer = await withTimeout(poll, left());
    if ((answer.history?.events ?? []).length > 0) return;
    nextPageToken = answer.nextPageToken;
  }
}
