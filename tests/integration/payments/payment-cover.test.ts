import { randomUUID } from 'node:crypto';
import { refundWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';
import { untilRefund } from '../../support/refunds';

/** So that a slow machine, too, is under load, and its provider in time. */
const LITTLE = { WAYBILL_OWN_WORKFLOWS_PER_SECOND: '1', WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '3s' };

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ env: LITTLE });
});
afterAll(() => api.close());

const MANY = 40;
/** What has ended so soon is told of in its shared workflow, which starts later. */
const SOON_MS = 1_000;

test('under load payments share workflows, each of which says how its payments ended; at low load each has its own', async () => {
  const alone = (await api.payByCard('tok_ok')).body;
  expect(alone.workflowId).toBe(`payment/${alone.id}`);
  const tokens = Array.from({ length: MANY }, (_, n) => (n % 6 === 5 ? 'tok_declined' : 'tok_ok'));
  const pay = async (token: string) => {
    const began = performance.now();
    const { workflowId, state } = (await api.payByCard(token)).body;
    return { workflowId, state, soon: performance.now() - began < SOON_MS };
  };
  const byWorkflow = new Map<string, Awaited<ReturnType<typeof pay>>[]>();
  for (const payment of await Promise.all(tokens.map(pay))) {
    byWorkflow.set(payment.workflowId, [...(byWorkflow.get(payment.workflowId) ?? []), payment]);
  }
  const shared = [...byWorkflow].filter(([id]) => id.startsWith('payments/'));
  expect(shared.flatMap(([, payments]) => payments).length).toBeGreaterThan(MANY / 4);
  expect(shared.length).toBeLessThan(MANY / 4);
  for (const [id, payments] of byWorkflow) {
    const handle = api.pipeline.client.workflow.getHandle(id);
    const found = await eventually(() => handle.result().catch(() => undefined));
    if (!id.startsWith('payments/')) {
      expect(found).toMatchObject({ state: payments[0]?.state });
      continue;
    }
    for (const state of ['captured', 'declined']) {
      const all = payments.filter((payment) => payment.state === state);
      const told = found.states[state] ?? 0;
      expect(told).toBeLessThanOrEqual(all.length);
      expect(told).toBeGreaterThanOrEqual(all.filter(({ soon }) => soon).length);
    }
  }
});

test('one of a shared workflow whose outcome is unknown is taken up by it, and ends', async () => {
  const tokens = Array.from({ length: MANY }, (_, n) => (n % 10 === 9 ? 'tok_timeout_after_success' : 'tok_ok'));
  const answers = await Promise.all(tokens.map((token) => api.payByCard(token)));
  for (const { body } of answers) {
    await api.untilPayment(body.id, 'captured');
    expect(api.chargesOf(body.id)).toMatchObject([{ state: 'captured' }]);
  }
});

test('under load refunds share a workflow, and one whose answer is lost has its own, which ends it', async () => {
  const tokens = Array.from({ length: 30 }, (_, n) => (n === 29 ? 'tok_refund_timeout_after_success' : 'tok_ok'));
  const payments = await Promise.all(tokens.map((token) => api.payByCard(token, '1000')));
  const answers = await Promise.all(payments.map(({ body }) => api.post(`/v1/payments/${body.id}/refunds`, {})));
  const last = answers[29]?.body;
  const ended = await untilRefund(api, last.paymentId, last.id, 'succeeded');
  expect(ended.workflowId).toBe(refundWorkflowId(last.id));
  expect(api.chargesOf(last.paymentId)[0]?.refunds).toHaveLength(1);
  const shared = new Set(answers.map(({ body }) => body.workflowId).filter((id) => id.startsWith('refunds/')));
  expect(shared.size).toBeGreaterThan(0);
  for (const id of shared) {
    const found = await eventually(() =>
      api.pipeline.client.workflow
        .getHandle(id)
        .result()
        .catch(() => undefined),
    );
    expect(found.states.succeeded).toBeGreaterThan(0);
  }
});

test('many requests with one key make one payment, and many with one order charge it once', async () => {
  const source = { type: 'card', token: 'tok_ok' };
  const orderId = await api.newOrder();
  const key = randomUUID();
  const before = api.provider.charges().length;
  const same = await Promise.all(Array.from({ length: 8 }, () => api.post('/v1/payments', { orderId, source }, key)));
  expect(new Set(same.map(({ body }) => body.id)).size).toBe(1);
  expect(same.map(({ status }) => status)).toEqual(new Array(8).fill(201));
  const other = await api.newOrder();
  const rivals = await Promise.all(
    Array.from({ length: 8 }, () => api.post('/v1/payments', { orderId: other, source })),
  );
  expect(rivals.map(({ status }) => status).sort()).toEqual([201, ...new Array(7).fill(409)]);
  const paid = [...same, ...rivals].flatMap(({ body }) => body.id ?? []);
  expect([...new Set(paid)].flatMap((id) => api.chargesOf(id))).toHaveLength(2);
  expect(api.provider.charges().length - before).toBe(2);
});
