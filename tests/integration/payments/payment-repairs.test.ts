import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { newId, toUuid } from '../../../core/ids';
import { ACCOUNTS, transferPosting } from '../../../domains/ledger/rules/postings';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { paymentDeps } from '../../../domains/payments/deps';
import {
  chargebackWorkflowId,
  paymentWorkflowId,
  refundWorkflowId,
} from '../../../domains/payments/rules/workflow-names';
import { startPayment, startRefund } from '../../../domains/payments/start';
import { moveOrder } from '../../../domains/payments/store/orders';
import { movePayment } from '../../../domains/payments/store/payment-changes';
import { takeDuePayments } from '../../../domains/payments/store/payment-leases';
import { insertPayment, readPayment, reserveRefund } from '../../../domains/payments/store/payments';
import { takeDueRefunds } from '../../../domains/payments/store/refund-leases';
import { insertRefund, moveRefund, readRefund } from '../../../domains/payments/store/refunds';
import { holdWallet } from '../../../domains/payments/wallets/hold-wallet';
import { startFakeProvider } from '../../../infra/setup/stand-ins/fake-provider';
import { startLatchedWorker } from '../../support/latched-worker';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';

let api: PaymentApi;
/** What the tests of a block have in common; the others have an API each. */
let shared: PaymentApi | undefined;
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
  if (api !== shared) await api.close();
});

const order = async (id: string) => (await api.call('GET', `/v1/orders/${id}`)).body;

async function paymentOf(id: string) {
  const payment = await readPayment(api.deps.pool, id);
  if (payment === undefined) throw new Error('there is no payment');
  return payment;
}

/** Does what a sweep does if it read the payment just before it ended. */
async function runAgain(id: string): Promise<void> {
  const handle = await startPayment(api.pipeline, await paymentOf(id), { resume: true });
  await handle?.result();
}

test('a payment that has ended is never charged for, even if its workflow is started once more', async () => {
  api = await createPaymentApi({ env: { WAYBILL_PAYMENT_PROVIDER_KEY: 'sk_wrong' } });
  const { body } = await api.payByCard('tok_ok');
  expect(body.state).toBe('failed');
  const { port } = new URL(api.provider.url);
  await api.provider.close();
  const provider = await startFakeProvider({ port: Number(port) });
  await runAgain(body.id);
  expect(provider.charges()).toEqual([]);
  expect((await paymentOf(body.id)).state).toBe('failed');
  await provider.close();
});

describe('where nothing but time has passed', () => {
  beforeAll(async () => {
    api = await createPaymentApi({ terms: { disputeFee: 1_500n } });
    shared = api;
  });
  afterAll(() => api.close());

  test('a refund that has ended is never made, even if its workflow is started once more', async () => {
    const { body: payment } = await api.payByCard('tok_refund_refused');
    const { body } = await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '500' });
    expect(body.state).toBe('failed');
    const asked = () => api.provider.calls.filter((call) => /POST .*\/refunds/.test(call)).length;
    const before = asked();
    const refund = await readRefund(api.deps.pool, body.id);
    if (refund === undefined) throw new Error('there is no refund');
    const handle = await startRefund(api.pipeline, refund, { source: 'card', resume: true });
    await handle?.result();
    expect(asked()).toBe(before);
  });

  test('a wallet payment that needs review and cannot be posted gives its hold back when it is resumed', async () => {
    const { pool } = api.deps;
    const { tenantId, merchantId } = api;
    const walletId = await api.newWallet('1000');
    const orderId = await api.newOrder('300');
    const id = newId('pay');
    await moveOrder(pool, tenantId, orderId, 'pay');
    const workflowId = paymentWorkflowId(id);
    const money = { tenantId, amount: 300n, currency: 'EUR' };
    await insertPayment(pool, { ...money, id, orderId, merchantId, source: { type: 'wallet', walletId }, workflowId });
    await holdWallet(paymentDeps(api.pipeline.platform), id);
    await movePayment(pool, id, 'flag', { declineCode: 'posting_failed' });
    // The ledger has this capture with other entries.
    await postTransaction(pool, {
      tenantId,
      kind: 'capture',
      externalRef: id,
      currency: 'EUR',
      posting: transferPosting(ACCOUNTS.walletFunding, ACCOUNTS.adjustments, 1n),
      effectiveAt: new Date(),
    });
    expect((await api.post(`/v1/payments/${id}/resume`)).status).toBe(202);
    await api.untilPayment(id, 'failed');
    const { body: wallet } = await api.call('GET', `/v1/wallets/${walletId}`);
    expect(wallet).toMatchObject({ held: '0', available: '1000' });
    expect((await order(orderId)).state).toBe('created');
  });

  test('a refund that needs review goes on when somebody says so, and gives the money back once', async () => {
    const { pool } = api.deps;
    const { body: payment } = await api.payByCard('tok_ok', '1000');
    const id = newId('ref');
    await reserveRefund(pool, payment.id, 400n);
    await insertRefund(pool, {
      id,
      tenantId: api.tenantId,
      paymentId: payment.id,
      amount: 400n,
      currency: 'EUR',
      reason: undefined,
      workflowId: refundWorkflowId(id),
    });
    const path = `/v1/payments/${payment.id}/refunds/${id}`;
    expect((await api.post(`${path}/resume`)).status).toBe(409);
    await moveRefund(pool, id, 'flag', { failureCode: 'provider_unreachable' });
    const answers = await Promise.all([api.post(`${path}/resume`), api.post(`${path}/resume`)]);
    expect(answers.map(({ status }) => status)).toContain(202);
    await eventually(async () => ((await api.call('GET', path)).body.state === 'succeeded' ? true : undefined));
    expect(api.chargesOf(payment.id)[0]?.refunds).toMatchObject([{ reference: id, amount: '400' }]);
    expect((await order(payment.orderId)).state).toBe('partially_refunded');
    const stranger = await api.newTenant();
    expect((await api.call('POST', `${path}/resume`, { key: stranger.key })).status).toBe(404);
  });

  test('a chargeback that needs review is posted when somebody says so, once its payment is captured here', async () => {
    const { pool } = api.deps;
    const { body: payment } = await api.payByCard('tok_chargeback', '1000');
    const find = async () => (await api.call('GET', `/v1/chargebacks?paymentId=${payment.id}`)).body.data[0];
    const posted = await eventually(async () => ((await find())?.state === 'posted' ? find() : undefined));
    const before = await api.balance(ACCOUNTS.pspClearing);
    expect((await api.post(`/v1/chargebacks/${posted.id}/resume`)).status).toBe(409);
    // Its state when its payment stayed unknown here for too long; the dispute was won meanwhile.
    const values = [toUuid(posted.id)];
    await pool.query("UPDATE chargebacks SET state = 'needs_review', won_at = now() WHERE id = $1", values);
    const answer = await api.post(`/v1/chargebacks/${posted.id}/resume`);
    expect(answer.status).toBe(202);
    await eventually(async () => ((await find()).state === 'reversed' ? true : undefined));
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(before + 1_000n);
    const stranger = await api.newTenant();
    expect((await api.call('POST', `/v1/chargebacks/${posted.id}/resume`, { key: stranger.key })).status).toBe(404);
  });
});

/** Lets a workflow run until it has read that there is nothing to do, and changes that before it has ended. */
async function whileItEnds(
  [type, workflowId, input]: [string, string, object],
  activity: Parameters<typeof startLatchedWorker>[1],
  change: () => Promise<void>,
): Promise<void> {
  const worker = await startLatchedWorker(api.pipeline, activity);
  try {
    const { taskQueue } = worker;
    const workflow = await api.pipeline.client.workflow.start(type, { workflowId, taskQueue, args: [input] });
    await worker.done;
    await change();
    worker.release();
    await workflow.result();
  } finally {
    await worker.stop();
  }
}

describe('what is to be done while a workflow ends is done by it', () => {
  beforeAll(async () => {
    api = await createPaymentApi({ terms: { disputeFee: 1_500n } });
    shared = api;
  });
  afterAll(() => api.close());

  test('a decision about a dispute', async () => {
    const { body: payment } = await api.payByCard('tok_chargeback', '1000');
    const find = async () => (await api.call('GET', `/v1/chargebacks?paymentId=${payment.id}`)).body.data[0];
    const { id } = await eventually(async () => ((await find())?.state === 'posted' ? find() : undefined));
    const workflowId = chargebackWorkflowId(id);
    await api.pipeline.client.workflow.getHandle(workflowId).result();
    const [charge] = api.chargesOf(payment.id);
    if (charge === undefined) throw new Error('there is no charge');
    await whileItEnds(['chargeback', workflowId, { chargebackId: id }], 'recordChargeback', async () => {
      api.provider.chargeback(charge, 'chargeback.won');
      await eventually(() => {
        const told = api.provider.callbacks?.sent.find(({ type }) => type === 'chargeback.won');
        return told?.status === 204 ? true : undefined;
      });
      expect((await find()).state).toBe('won');
    });
    expect((await find()).state).toBe('reversed');
  });

  test('a payment that a person resumes', async () => {
    const { body } = await api.payByCard('tok_ok', '1000');
    const workflowId = paymentWorkflowId(body.id);
    await api.deps.pool.query("UPDATE payments SET state = 'needs_review' WHERE id = $1", [toUuid(body.id)]);
    const input = { paymentId: body.id, source: 'card', resume: true, pace: 0.01 };
    await whileItEnds(['payment', workflowId, input], 'carryOnPayments', async () => {
      expect((await api.post(`/v1/payments/${body.id}/resume`)).status).toBe(202);
    });
    expect((await paymentOf(body.id)).state).toBe('captured');
  });

  test('a refund that a person resumes', async () => {
    const { pool } = api.deps;
    const { body: payment } = await api.payByCard('tok_ok', '1000');
    const id = newId('ref');
    const workflowId = refundWorkflowId(id);
    await reserveRefund(pool, payment.id, 400n);
    const amount = { amount: 400n, currency: 'EUR', reason: undefined };
    await insertRefund(pool, { ...amount, id, tenantId: api.tenantId, paymentId: payment.id, workflowId });
    await moveRefund(pool, id, 'flag', { failureCode: 'provider_unreachable' });
    const input = { refundId: id, source: 'card', resume: true, pace: 0.01 };
    await whileItEnds(['refund', workflowId, input], 'carryOnRefund', async () => {
      expect((await api.post(`/v1/payments/${payment.id}/refunds/${id}/resume`)).status).toBe(202);
    });
    expect((await readRefund(pool, id))?.state).toBe('succeeded');
  });
});

/** A provider's answer to a call, the first time and so on, and to what it is sent; `undefined` means no answer. */
type Answer = (call: string, time: number, sent: Sent) => { status: number; body: object } | undefined;

interface Sent {
  reference?: string;
}

const FORBIDDEN = { status: 403, body: { error: { code: 'forbidden' } } };

describe('where the provider answers as the test says', () => {
  let answer: Answer;
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const call = `${request.method} ${request.url?.replace(/\?.*/, '')}`;
    calls.push(call);
    const time = calls.filter((other) => other === call).length;
    text(request)
      .then((sent) => {
        const found = answer(call, time, sent === '' ? {} : (JSON.parse(sent) as Sent));
        if (found === undefined) return;
        response.writeHead(found.status, { 'content-type': 'application/json' }).end(JSON.stringify(found.body));
      })
      .catch(() => response.destroy());
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    api = await createPaymentApi({ env: { WAYBILL_PAYMENT_PROVIDER_URL: url, WAYBILL_PAYMENT_PACE: '0.0001' } });
    shared = api;
  });
  beforeEach(() => {
    calls.length = 0;
  });
  afterAll(async () => {
    await api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('an authorisation that is refused after one was not answered is voided: the first may be on its way', async () => {
    answer = (call, time) => {
      if (call !== 'POST /v1/charges') return { status: 200, body: { data: [] } };
      return time === 1 ? undefined : FORBIDDEN;
    };
    const { body } = await api.payByCard('tok_ok');
    await api.untilPayment(body.id, 'failed');
    expect(calls).toContain('POST /v1/voids');
  });

  test('a refund that is refused after one was not answered keeps its part reserved: the first may be on its way', async () => {
    let charge = { id: 'ch_1', reference: '', amount: '10000', currency: 'EUR' };
    answer = (call, time, { reference = '' }) => {
      if (call === 'POST /v1/charges') charge = { ...charge, reference };
      if (call === 'POST /v1/charges') return { status: 201, body: { ...charge, state: 'authorised' } };
      const captured = { ...charge, state: 'captured', captured_at: new Date().toISOString() };
      if (call === 'POST /v1/charges/ch_1/capture') return { status: 200, body: captured };
      if (call === 'GET /v1/refunds') return { status: 200, body: { data: [] } };
      return time === 1 ? undefined : FORBIDDEN;
    };
    const { body: payment } = await api.payByCard('tok_ok');
    expect(payment.state).toBe('captured');
    const { body } = await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '6000' });
    const done = await eventually(async () => {
      const { body: now } = await api.call('GET', `/v1/payments/${payment.id}/refunds/${body.id}`);
      return now.state === 'pending' ? undefined : now;
    });
    expect(done.state).toBe('needs_review');
    expect((await api.post(`/v1/payments/${payment.id}/refunds`, { amount: '6000' })).status).toBe(422);
  });
});

test('a Temporal that does not answer holds a request up for ten seconds, not for ever, and loses nothing', async () => {
  api = await createPaymentApi({ worker: false, env: { WAYBILL_PAYMENT_FIRST_ATTEMPT: 'workflow' } });
  const start = jest.spyOn(api.deps.client.workflow, 'start').mockImplementation(() => new Promise(() => undefined));
  const { status, body } = await api.payByCard('tok_ok');
  expect([status, body.state]).toEqual([202, 'pending']);
  await movePayment(api.deps.pool, body.id, 'flag');
  const resumed = await api.post(`/v1/payments/${body.id}/resume`);
  expect([resumed.status, resumed.body.state]).toEqual([202, 'pending']);
  start.mockRestore();
});

const TURN = { pauseMs: 60_000, limit: 2 };

test('the sweep takes turns: what only waits does not keep it from what stands behind', async () => {
  api = await createPaymentApi({ worker: false });
  const { pool } = api.deps;
  const { tenantId, merchantId } = api;
  const ids: string[] = [];
  const refundIds: string[] = [];
  for (let n = 0; n < 3; n++) {
    const [id, refundId] = [newId('pay'), newId('ref')];
    const money = { tenantId, amount: 100n, currency: 'EUR', workflowId: 'w' };
    const source = { type: 'card' as const, token: 'tok_ok' };
    await insertPayment(pool, { ...money, id, orderId: await api.newOrder('100'), merchantId, source });
    await insertRefund(pool, { ...money, id: refundId, paymentId: id, reason: undefined });
    ids.push(id);
    refundIds.push(refundId);
  }
  await pool.query("UPDATE payments SET next_step_at = now() - interval '1 hour'");
  await pool.query("UPDATE refunds SET next_step_at = now() - interval '1 hour'");
  const payments = [await takeDuePayments(pool, TURN), await takeDuePayments(pool, TURN)];
  const refunds = [await takeDueRefunds(pool, TURN), await takeDueRefunds(pool, TURN)];
  expect(payments.flatMap((found) => found.map(({ id }) => id)).sort()).toEqual(ids.sort());
  expect(refunds.flatMap((found) => found.map(({ id }) => id)).sort()).toEqual(refundIds.sort());
});
