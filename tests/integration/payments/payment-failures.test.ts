import { randomUUID } from 'node:crypto';
import { asId, newId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { PAYMENT_WORKFLOWS, paymentWorkflowId, refundWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { moveOrder } from '../../../domains/payments/store/orders';
import { insertPayment, reserveRefund } from '../../../domains/payments/store/payments';
import { insertRefund } from '../../../domains/payments/store/refunds';
import { startFakeProvider } from '../../../infra/setup/stand-ins/fake-provider';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { createPaymentApi, type PaymentApi, type PaymentApiOptions } from '../../support/payments-support';
import { eventually } from '../../support/receiver';

let api: PaymentApi;
const open = async (options: PaymentApiOptions = {}) => {
  api = await createPaymentApi(options);
};
const close = () => api.close();
const balanced = async () => {
  expect(await api.trialBalance()).toBe(0n);
};

const card = (token: string) => ({ source: { type: 'card' as const, token } });

/** Does what an API does if it dies before starting the workflow. */
async function storeOnly(token: string): Promise<string> {
  const orderId = await api.newOrder();
  const id = newId('pay');
  const { tenantId, merchantId } = api;
  await moveOrder(api.deps.pool, tenantId, orderId, 'pay');
  await insertPayment(api.deps.pool, {
    id,
    tenantId,
    orderId,
    merchantId,
    amount: 10_000n,
    currency: 'EUR',
    ...card(token),
    workflowId: paymentWorkflowId(id),
  });
  return id;
}

async function sweep(): Promise<void> {
  await api.pipeline.client.workflow.execute(PAYMENT_WORKFLOWS.sweepPayments, {
    workflowId: `sweep-payments/${randomUUID()}`,
    taskQueue: taskQueue(api.pipeline.config, 'upkeep'),
    args: [{ graceMs: 0 }],
  });
}

/** The charge that is captured next at the provider. */
function newCapture() {
  const known = new Set(api.provider.charges().map(({ id }) => id));
  return eventually(() => api.provider.charges().find(({ id, state }) => state === 'captured' && !known.has(id)));
}

describe('where processes die and the ledger is away', () => {
  beforeAll(() => open());
  afterEach(balanced);
  afterAll(close);

  test('a payment and a refund whose API died before it started their workflows are found by the sweep', async () => {
    const paymentId = await storeOnly('tok_ok');
    await sweep();
    await api.untilPayment(paymentId, 'captured');
    expect(api.chargesOf(paymentId)).toHaveLength(1);

    const refundId = newId('ref');
    await reserveRefund(api.deps.pool, paymentId, 300n);
    await insertRefund(api.deps.pool, {
      id: refundId,
      tenantId: api.tenantId,
      paymentId,
      amount: 300n,
      currency: 'EUR',
      reason: undefined,
      workflowId: refundWorkflowId(refundId),
    });
    await sweep();
    await eventually(async () => {
      const { body } = await api.call('GET', `/v1/payments/${paymentId}/refunds/${refundId}`);
      return body.state === 'succeeded' ? true : undefined;
    });
    expect(api.chargesOf(paymentId)[0]?.refunds).toHaveLength(1);
  });

  test('a payment whose workflow was terminated between charge and posting is finished by the sweep, with the one charge', async () => {
    const before = await api.balance(ACCOUNTS.pspClearing);
    // The ledger cannot be written while the payment is under way.
    await api.deps.pool.query('ALTER TABLE ledger_transactions RENAME TO ledger_transactions_away');
    const captured = newCapture();
    const paying = api.payByCard('tok_ok');
    const { reference: paymentId } = await captured;
    const workflow = api.pipeline.client.workflow.getHandle(paymentWorkflowId(paymentId));
    await eventually(() =>
      workflow.terminate('test').then(
        () => true,
        () => undefined,
      ),
    );
    await paying;
    await api.deps.pool.query('ALTER TABLE ledger_transactions_away RENAME TO ledger_transactions');
    // As soon as the lease of the workflow's last round has ended.
    await eventually(async () => {
      await sweep();
      const { body } = await api.call('GET', `/v1/payments/${paymentId}`);
      return body.state === 'captured' ? true : undefined;
    });
    expect(api.chargesOf(paymentId)).toMatchObject([{ state: 'captured' }]);
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(before + 10_000n);
  });

  test('a posting that fails is tried in rounds and made in the end: captured money is not lost', async () => {
    const before = await api.balance(ACCOUNTS.pspClearing);
    await api.deps.pool.query('ALTER TABLE ledger_transactions RENAME TO ledger_transactions_away');
    const captured = newCapture();
    const paying = api.payByCard('tok_ok');
    const { reference } = await captured;
    const workflow = api.pipeline.client.workflow.getHandle(paymentWorkflowId(reference));
    // The retries of a round are used up when the next one calls the activity anew.
    await eventually(async () => {
      const { events } = await workflow.fetchHistory().catch(() => ({ events: [] }));
      const rounds = events?.filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled) ?? [];
      return rounds.length >= 2 ? true : undefined;
    });
    await api.deps.pool.query('ALTER TABLE ledger_transactions_away RENAME TO ledger_transactions');
    const { body } = await paying;
    await api.untilPayment(body.id, 'captured');
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(before + 10_000n);
  });

  test('a provider that refuses our key has taken nothing: the payment fails and its order is free', async () => {
    const acceptOnly = async (key?: string) => {
      const answer = await fetch(`${api.provider.url}/key`, { method: 'PUT', body: JSON.stringify({ key }) });
      expect(answer.status).toBe(200);
    };
    await acceptOnly('sk_another');
    const { body } = await api.payByCard('tok_ok');
    await acceptOnly();
    expect(body).toMatchObject({ state: 'failed', declineCode: 'provider_refused' });
    expect(api.chargesOf(body.id)).toEqual([]);
    expect((await api.call('GET', `/v1/orders/${body.orderId}`)).body.state).toBe('created');
  });

  test('an execution that was cut off after it stored the payment is taken up again with the same payment', async () => {
    const key = randomUUID();
    const orderId = await api.newOrder();
    const body = { orderId, ...card('tok_ok') };
    const { body: first } = await api.post('/v1/payments', body, key);
    // What the record looks like when the process died before it could store the answer.
    await api.deps.pool.query(
      `UPDATE idempotency_records SET state = 'in_flight', lock_owner = gen_random_uuid(), locked_until = now(),
              status_code = NULL, headers = NULL, body = NULL, completed_at = NULL
       WHERE effect_id = $1`,
      [toUuid(asId('eff', first.id))],
    );
    const second = await api.post('/v1/payments', body, key);
    expect([second.status, second.body.id, second.body.state]).toEqual([201, first.id, 'captured']);
    expect(api.chargesOf(first.id)).toHaveLength(1);
  });
});

describe('where the API only stores payments', () => {
  let worker: { stop(): Promise<void> };
  beforeAll(() =>
    open({
      worker: false,
      env: { WAYBILL_PAYMENT_FIRST_ATTEMPT: 'workflow', WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '5s' },
    }),
  );
  afterEach(balanced);
  afterAll(close);

  test('without a worker the request is answered with where to look, and a repetition finds the same payment', async () => {
    const orderId = await api.newOrder();
    const answer = await api.post('/v1/payments', { orderId, ...card('tok_ok') });
    expect([answer.status, answer.body.state]).toEqual([202, 'pending']);
    expect(answer.get('location')).toBe(`/v1/payments/${answer.body.id}`);
    worker = await api.pipeline.startWorker();
    await api.untilPayment(answer.body.id, 'captured');
    expect(api.chargesOf(answer.body.id)).toHaveLength(1);

    const { status, body: refund } = await api.post(`/v1/payments/${answer.body.id}/refunds`, { amount: '300' });
    expect([status, refund.state, refund.workflowId]).toEqual([201, 'succeeded', refundWorkflowId(refund.id)]);
    const workflow = api.pipeline.client.workflow.getHandle(refund.workflowId);
    await workflow.result();
    const { events } = await workflow.fetchHistory();
    // The first try is a local activity, of which a marker tells.
    const markers = events?.flatMap(({ markerRecordedEventAttributes: made }) => Object.values(made?.details ?? {}));
    const told = markers?.flatMap(({ payloads }) => payloads?.map(({ data }) => Buffer.from(data ?? []).toString()));
    expect(told?.join()).toContain('carryOnRefund');
  });

  test('a worker that stops in the middle of a payment leaves it to the next one, which does not charge again', async () => {
    const answer = api.payByCard('tok_slow');
    await eventually(() => (api.provider.calls.includes('POST /v1/charges') ? true : undefined));
    await worker.stop();
    worker = await api.pipeline.startWorker();
    const { body } = await answer;
    await api.untilPayment(body.id, 'captured');
    expect(api.chargesOf(body.id)).toMatchObject([{ state: 'captured' }]);
  });
});

describe('where the provider is out of reach, or there is none', () => {
  afterEach(async () => {
    await balanced();
    await close();
  });

  test('with the provider out of reach throughout, the payment is for people to look at, and goes on when they say so', async () => {
    api = await createPaymentApi({
      env: { WAYBILL_PAYMENT_PACE: '0.0001', WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '200ms' },
    });
    const { port } = new URL(api.provider.url);
    await api.provider.close();
    const { body } = await api.payByCard('tok_ok');
    const flagged = await api.untilPayment(body.id, 'needs_review', 100_000);
    expect(flagged.declineCode).toBe('provider_unreachable');
    expect((await api.events('payment.needs_review')).map(({ data }) => data.paymentId)).toEqual([body.id]);
    // Its order is neither free nor paid until the outcome is known.
    expect((await api.call('GET', `/v1/orders/${body.orderId}`)).body.state).toBe('paying');

    const provider = await startFakeProvider({ port: Number(port) });
    expect((await api.post(`/v1/payments/${body.id}/resume`)).status).toBe(202);
    await api.untilPayment(body.id, 'captured');
    expect(provider.charges()).toMatchObject([{ reference: body.id, state: 'captured' }]);
    expect((await api.post(`/v1/payments/${body.id}/resume`)).status).toBe(409);
    await provider.close();
  });

  test('without a provider cards are refused with what to do, and wallets work', async () => {
    api = await createPaymentApi({ worker: false, env: { WAYBILL_PAYMENT_PROVIDER_URL: '' } });
    const orderId = await api.newOrder('100');
    const answer = await api.post('/v1/payments', { orderId, ...card('tok_ok') });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].detail).toMatch(/WAYBILL_PAYMENT_PROVIDER_URL/);
    const walletId = await api.newWallet('100');
    const paid = await api.post('/v1/payments', { orderId, source: { type: 'wallet', walletId } });
    expect(paid.body.state).toBe('captured');
  });
});
