import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import type { PlatformConfig } from '../../infra/platform/config';
import { inTime } from '../../infra/temporal/in-time';
import { MAX_LISTED_IDS, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { startOrTell } from '../../infra/temporal/start-or-tell';
import { taskQueue } from '../../infra/temporal/task-queues';
import type { PaymentsConfig } from './config';
import type {
  ChargebackInput,
  FlowEnd,
  PaymentBatchInput,
  PaymentInput,
  RefundBatchInput,
  RefundInput,
} from './rules/payment-flow';
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
  /** Whether one that is running has to look again, since it may be about to end with what was. */
  news?: boolean;
}

/**
 * Starts a payment's workflow; one that is running is kept.
 *
 * @returns `undefined` when it has ended and must not start again
 */
export function startPayment(
  starter: Starter,
  payment: Started & { source: Source; orderId: PublicId },
  { resume, news = false, ended }: StartOptions & { ended?: Ended | undefined },
) {
  const { id: paymentId, source, amount, currency, orderId } = payment;
  const end = ended && { ended: endOf(ended) };
  const input: PaymentInput = { paymentId, source: source.type, resume, ...end, ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) for ${orderId} by ${source.type}`;
  return start(starter, payment, { type: PAYMENT_WORKFLOWS.payment, input, summary, again: resume, news });
}

/** How a payment ended before its workflow was started. */
interface Ended {
  state: string;
  declineCode: string | undefined;
}

function endOf({ state, declineCode }: Ended): FlowEnd {
  return declineCode === undefined ? { state } : { state, code: declineCode };
}

/** A workflow of things that were accepted close together. */
interface Batch {
  workflowId: string;
  tenantIds: readonly PublicId[];
}

/** Starts the workflow of payments that were accepted close together. */
export function startPaymentBatch(
  starter: Starter,
  { open, ended, ...batch }: PaymentBatchInput & Batch,
): Promise<void> {
  const input: PaymentBatchInput = { open, ended, ...pace(starter) };
  const summary = `${open.length + sum(ended)} payments`;
  return startBatch(starter, batch, { type: PAYMENT_WORKFLOWS.paymentBatch, input, summary });
}

async function startBatch(
  { client, config }: Starter,
  { workflowId, tenantIds }: Batch,
  { type, input, summary }: { type: string; input: PaymentBatchInput | RefundBatchInput; summary: string },
): Promise<void> {
  await client.workflow.start(type, {
    workflowId,
    taskQueue: taskQueue(config, 'money'),
    args: [input],
    staticSummary: summary,
    typedSearchAttributes: [
      { key: TENANT_IDS, value: tenantIds.slice(0, MAX_LISTED_IDS) },
      { key: WAYBILL_STATE, value: 'pending' },
    ],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

/** As {@link startPayment}, for a refund; `source` is where its payment's money came from. */
export function startRefund(
  starter: Starter,
  refund: Started & { paymentId: PublicId },
  { resume, news = false, source, ended }: StartOptions & { source: Source['type']; ended?: FlowEnd | undefined },
) {
  const { id: refundId, amount, currency, paymentId } = refund;
  const input: RefundInput = { refundId, source, resume, ...(ended && { ended }), ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} back to the ${source}`;
  return start(starter, refund, { type: PAYMENT_WORKFLOWS.refund, input, summary, again: resume, news });
}

/** Starts the workflow that tells of refunds that were accepted close together and have ended. */
export function startRefundBatch(starter: Starter, { ended, ...batch }: RefundBatchInput & Batch): Promise<void> {
  const input: RefundBatchInput = { ended };
  return startBatch(starter, batch, { type: PAYMENT_WORKFLOWS.refundBatch, input, summary: `${sum(ended)} refunds` });
}

/** Tells a refund's workflow that the provider has reported something, so that it need not wait. */
export async function wakeRefund({ client }: Pick<Starter, 'client'>, refund: { workflowId: string }): Promise<void> {
  await inTime(client.workflow.getHandle(refund.workflowId).signal(REFUND_REPORTED));
}

/** As {@link startPayment}, for a chargeback; it may start anew whenever there is something to do. */
export function startChargeback(
  starter: Starter,
  chargeback: Started & { paymentId: PublicId },
  { news }: Required<Pick<StartOptions, 'news'>>,
) {
  const { id: chargebackId, amount, currency, paymentId } = chargeback;
  const input: ChargebackInput = { chargebackId, ...pace(starter) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} charged back`;
  return start(starter, chargeback, { type: PAYMENT_WORKFLOWS.chargeback, input, summary, again: true, news });
}

interface Workflow {
  type: string;
  input: PaymentInput | RefundInput | ChargebackInput;
  /** For Web UI. */
  summary: string;
  /** Whether one that has ended is started anew. */
  again: boolean;
  /** Whether one that is running is told to carry on. */
  news: boolean;
}

async function start(
  { client, config }: Starter,
  { workflowId, tenantId }: Started,
  { type, input, summary, again, news }: Workflow,
): Promise<WorkflowHandle<Flow> | undefined> {
  const attributes: SearchAttributePair[] = [
    { key: TENANT_IDS, value: [tenantId] },
    { key: WAYBILL_STATE, value: 'pending' },
  ];
  const args: [Workflow['input']] = [input];
  const options = {
    workflowId,
    taskQueue: taskQueue(config, 'money'),
    args,
    staticSummary: summary,
    typedSearchAttributes: attributes,
    workflowIdReusePolicy: again ? WorkflowIdReusePolicy.ALLOW_DUPLICATE : WorkflowIdReusePolicy.REJECT_DUPLICATE,
  };
  if (news) {
    await startOrTell(client, type, options);
    return client.workflow.getHandle<Flow>(workflowId);
  }
  try {
    const workflowIdConflictPolicy = WorkflowIdConflictPolicy.USE_EXISTING;
    return await client.workflow.start<Flow>(type, { ...options, workflowIdConflictPolicy });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

function pace({ config }: Starter): { pace?: number } {
  return config.WAYBILL_PAYMENT_PACE === 1 ? {} : { pace: config.WAYBILL_PAYMENT_PACE };
}
