import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { PublicId } from '../../core/ids';
import type { PlatformConfig } from '../../infra/platform/config';
import { TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import type { PaymentsConfig } from './config';
import type { ChargebackInput, FlowEnd, PaymentInput, RefundInput } from './rules/payment-flow';
import { PAYMENT_WORKFLOWS } from './rules/workflow-names';

type StartConfig = Pick<PlatformConfig & PaymentsConfig, 'WAYBILL_TASK_QUEUE' | 'WAYBILL_PAYMENT_PACE'>;
type Started = { id: PublicId; tenantId: PublicId; workflowId: string };
type Source = { type: 'card' | 'wallet' };
type Input = PaymentInput | RefundInput | ChargebackInput;
type Flow = (input: Input) => Promise<FlowEnd>;

/**
 * Starts a payment's workflow; one that is running is kept.
 *
 * @param resume - whether it may have been tried before; then one that has ended starts anew
 * @returns `undefined` when it has ended and is not to start anew
 */
export function startPayment(
  client: Client,
  config: StartConfig,
  payment: Started & { source: Source; amount: bigint; currency: string; orderId: PublicId },
  resume: boolean,
) {
  const { id: paymentId, source, amount, currency, orderId } = payment;
  const input: PaymentInput = { paymentId, source: source.type, resume, ...pace(config) };
  const summary = `${amount} ${currency} (minor units) for ${orderId} by ${source.type}`;
  return start(client, config, PAYMENT_WORKFLOWS.payment, payment, input, summary, resume);
}

/** As {@link startPayment}, for a refund. */
export function startRefund(
  client: Client,
  config: StartConfig,
  refund: Started & { paymentId: PublicId; amount: bigint; currency: string },
  source: Source['type'],
  resume: boolean,
) {
  const { id: refundId, amount, currency, paymentId } = refund;
  const input: RefundInput = { refundId, source, resume, ...pace(config) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} back to the ${source}`;
  return start(client, config, PAYMENT_WORKFLOWS.refund, refund, input, summary, resume);
}

/** As {@link startPayment}, for a chargeback; it may start anew whenever there is something to do. */
export function startChargeback(
  client: Client,
  config: StartConfig,
  chargeback: Started & { paymentId: PublicId; amount: bigint; currency: string },
) {
  const { id: chargebackId, amount, currency, paymentId } = chargeback;
  const input: ChargebackInput = { chargebackId, ...pace(config) };
  const summary = `${amount} ${currency} (minor units) of ${paymentId} charged back`;
  return start(client, config, PAYMENT_WORKFLOWS.chargeback, chargeback, input, summary, true);
}

async function start(
  client: Client,
  config: StartConfig,
  type: string,
  { workflowId, tenantId }: Started,
  input: Input,
  staticSummary: string,
  again: boolean,
): Promise<WorkflowHandle<Flow> | undefined> {
  try {
    return await client.workflow.start<Flow>(type, {
      workflowId,
      taskQueue: taskQueue(config, 'money'),
      args: [input],
      staticSummary,
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

function pace({ WAYBILL_PAYMENT_PACE }: StartConfig): { pace?: number } {
  return WAYBILL_PAYMENT_PACE === 1 ? {} : { pace: WAYBILL_PAYMENT_PACE };
}
