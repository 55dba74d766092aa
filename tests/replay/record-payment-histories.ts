import { toUuid } from '../../core/ids';
import {
  chargebackWorkflowId,
  PAYMENT_WORKFLOWS,
  paymentBatchWorkflowId,
  paymentWorkflowId,
  refundBatchWorkflowId,
  refundWorkflowId,
  SWEEP_PAYMENTS_SCHEDULE,
} from '../../domains/payments/rules/workflow-names';
import { startPaymentBatch, startRefundBatch } from '../../domains/payments/start';
import { taskQueue } from '../../infra/temporal/task-queues';
import { createPaymentApi, type PaymentApi } from '../support/payments-support';
import { eventually } from '../support/receiver';
import { keepHistory } from './keep-history';

/** Like `record-histories.ts`, for the workflows about payments. */
let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi();
});
afterAll(() => api.close());

const keep = (name: string, workflowId: string) => keepHistory(api.pipeline.client, name, workflowId);

// Those of earlier versions, such as `payment.*.1` and `refund.*.2`, cannot be recorded again.
test.each([
  ['payment.captured.2', 'tok_ok'],
  ['payment.declined.2', 'tok_declined'],
  ['payment.retried.2', 'tok_error_then_ok'],
  ['payment.voided.2', 'tok_capture_refused'],
  ['payment.capture-unanswered.2', 'tok_capture_never_answered'],
])('%s', async (name, token) => {
  const { body } = await api.payByCard(token);
  await keep(name, paymentWorkflowId(body.id));
});

test('payments that share a workflow', async () => {
  const { body } = await api.payByCard('tok_ok');
  const workflowId = paymentBatchWorkflowId('recorded');
  await startPaymentBatch(api.pipeline, {
    workflowId,
    open: [body.id],
    ended: { captured: 3, declined: 1 },
    tenantIds: [api.tenantId],
  });
  await keep('payment-batch.ended.1', workflowId);
});

test.each([
  ['refund.succeeded.3', 'tok_ok'],
  ['refund.refused.3', 'tok_refund_refused'],
  ['refund.unanswered.3', 'tok_refund_never_answered'],
  ['refund.pending.3', 'tok_refund_pending'],
  ['refund.differs.3', 'tok_refund_half'],
])('%s', async (name, token) => {
  const { body: payment } = await api.payByCard(token);
  const { body } = await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '100' });
  await keep(name, refundWorkflowId(body.id));
});

test('refunds that share a workflow', async () => {
  const workflowId = refundBatchWorkflowId('recorded');
  const ended = { succeeded: 3, failed: 1 };
  await startRefundBatch(api.pipeline, { workflowId, ended, tenantIds: [api.tenantId] });
  await keep('refund-batch.ended.1', workflowId);
});

test('refund into a wallet', async () => {
  const walletId = await api.newWallet('100');
  const orderId = await api.newOrder('100');
  const { body: payment } = await api.post('/v1/payments', { orderId, source: { type: 'wallet', walletId } });
  const { body } = await api.post(`/v1/payments/${payment.id}/refunds`);
  await keep('refund.wallet.3', refundWorkflowId(body.id));
});

test('chargeback', async () => {
  const { body: payment } = await api.payByCard('tok_ok');
  const [charge] = api.chargesOf(payment.id);
  if (charge === undefined) throw new Error('there is no charge');
  const setState = (state: string) =>
    api.deps.pool.query('UPDATE payments SET state = $2 WHERE id = $1', [toUuid(payment.id), state]);
  await setState('authorised');
  api.provider.chargeback(charge);
  const id = await eventually(async () => {
    const { body } = await api.call('GET', `/v1/chargebacks?paymentId=${payment.id}`);
    return body.data[0]?.id;
  });
  await setState('captured');
  await keep('chargeback.posted.1', chargebackWorkflowId(id));
  api.provider.chargeback(charge, 'chargeback.won');
  await eventually(async () => {
    const { body } = await api.call('GET', `/v1/chargebacks/${id}`);
    return body.state === 'reversed' ? true : undefined;
  });
  await keep('chargeback.reversed.1', chargebackWorkflowId(id));
});

test('sweepPayments', async () => {
  const workflowId = `${SWEEP_PAYMENTS_SCHEDULE}/recorded_${api.pipeline.config.WAYBILL_TASK_QUEUE}`;
  await api.pipeline.client.workflow.start(PAYMENT_WORKFLOWS.sweepPayments, {
    workflowId,
    taskQueue: taskQueue(api.pipeline.config, 'upkeep'),
  });
  await keep('sweep-payments.1', workflowId);
});
