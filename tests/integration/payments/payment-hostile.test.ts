import { randomUUID } from 'node:crypto';
import { newId, type PublicId } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { paymentDeps } from '../../../domains/payments/deps';
import { carryOn } from '../../../domains/payments/paying/carry-on';
import { recordResult } from '../../../domains/payments/paying/record-result';
import { paymentWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { acceptPayments } from '../../../domains/payments/store/accept-payments';
import { movePayment } from '../../../domains/payments/store/payment-changes';
import { type Payment, readPayment } from '../../../domains/payments/store/payments';
import { watchPayments } from '../../../domains/payments/watch-payments';
import { startFakeProvider } from '../../../infra/setup/stand-ins/fake-provider';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';

let api: PaymentApi;
/** What the tests of a block have in common; the others have an API each. */
let shared: PaymentApi | undefined;
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
  if (api !== shared) await api.close();
});

const deps = () => paymentDeps(api.pipeline.platform);
const orderState = async (id: string) => (await api.call('GET', `/v1/orders/${id}`)).body.state;
const ONE_STEP = { claim: randomUUID(), lettingGo: false, nextRoundMs: 1_000 };

/** Does what a process does if it dies right after it accepted a payment; its lease has ended since. */
async function acceptAndDie(token = 'tok_ok'): Promise<Payment> {
  const id = newId('pay');
  const request = {
    id,
    tenantId: api.tenantId as PublicId,
    orderId: (await api.newOrder()) as PublicId,
    source: { type: 'card' as const, token },
    requestKey: randomUUID(),
    workflowId: paymentWorkflowId(id),
  };
  const [payment] = await acceptPayments(api.deps.pool, [request], { claim: randomUUID(), leaseMs: 0 });
  if (payment === undefined) throw new Error('the payment was not accepted');
  return payment;
}

/** Puts a provider that knows nothing yet in the place of the one that was there. */
async function anotherProvider(options: { key?: string } = {}) {
  const { url, close } = api.provider;
  await close();
  return startFakeProvider({ ...options, port: Number(new URL(url).port) });
}

/** Takes the money as the process did before it died, without recording it. */
async function chargeUnseen({ id, amount }: Payment, key = id): Promise<string> {
  const call = async (path: string, body: object, step: string) => {
    const response = await fetch(api.provider.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${deps().config.WAYBILL_PAYMENT_PROVIDER_KEY}`,
        'idempotency-key': `${key}:${step}`,
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { id: string };
  };
  const asked = { reference: id, amount: amount.toString(), currency: 'EUR', source: 'tok_ok' };
  const { id: chargeId } = await call('/v1/charges', asked, 'authorise');
  await call(`/v1/charges/${chargeId}/capture`, {}, 'capture');
  return chargeId;
}

test('a card that was charged before a kill is not booked as failed because the key is revoked at the restart', async () => {
  api = await createPaymentApi({ worker: false });
  const payment = await acceptAndDie();
  await chargeUnseen(payment);
  const strict = await anotherProvider({ key: 'another' });
  const step = await carryOn(deps(), payment.id, ONE_STEP);
  expect(step).toMatchObject({ outcome: 'waiting', story: [expect.stringContaining('refuses to say')] });
  // Not even when all patience is over.
  expect(await carryOn(deps(), payment.id, { ...ONE_STEP, lettingGo: true })).toMatchObject({ outcome: 'waiting' });
  expect(await orderState(payment.orderId)).toBe('paying');
  await strict.close();
});

test('an answer that is lost is asked for, and the money booked once', async () => {
  api = await createPaymentApi({ worker: false });
  const payment = await acceptAndDie();
  const chargeId = await chargeUnseen(payment);
  expect(await carryOn(deps(), payment.id, ONE_STEP)).toMatchObject({ outcome: 'ended', state: 'captured' });
  expect(await readPayment(api.deps.pool, payment.id)).toMatchObject({ providerReference: chargeId });
  expect(api.chargesOf(payment.id)).toHaveLength(1);
  expect(await api.balance(ACCOUNTS.pspClearing)).toBe(10_000n);
});

test('while one process holds the lease nobody else calls the provider, nor ends the payment', async () => {
  api = await createPaymentApi({ worker: false });
  const payment = await acceptAndDie('tok_slow');
  const slow = carryOn(deps(), payment.id, ONE_STEP);
  await eventually(() => (api.provider.calls.some((call) => call.startsWith('GET')) ? true : undefined));
  expect(await carryOn(deps(), payment.id, { ...ONE_STEP, claim: randomUUID() })).toMatchObject({ outcome: 'waiting' });
  const late = { kind: 'ended' as const, payment, move: 'decline' as const, code: 'late', claim: randomUUID() };
  expect(await recordResult(deps(), late)).toMatchObject({ state: 'pending' });
  expect((await slow).outcome).toBe('waiting');
});

test('a workflow that is reset charges nothing again, even when the provider has forgotten its keys and charges', async () => {
  api = await createPaymentApi();
  const { body } = await api.payByCard('tok_ok');
  expect(body.state).toBe('captured');
  const workflowId = paymentWorkflowId(body.id);
  await eventually(async () => {
    const workflow = api.pipeline.client.workflow.getHandle(workflowId);
    // It is started a moment after the answer.
    const description = await workflow.describe().catch(() => undefined);
    return description?.status.name === 'COMPLETED' ? true : undefined;
  });
  const forgetful = await anotherProvider();
  // As an operator does in Web UI; and as if the process had never told how the payment ended.
  const { events } = await api.pipeline.client.workflow.getHandle(workflowId).fetchHistory();
  const decided = events?.find(({ workflowTaskCompletedEventAttributes: task }) => task !== null && task !== undefined);
  if (decided?.eventId === null || decided?.eventId === undefined) throw new Error('there is nothing to reset to');
  await api.pipeline.client.workflowService.resetWorkflowExecution({
    namespace: api.pipeline.client.options.namespace,
    workflowExecution: { workflowId },
    reason: 'test',
    workflowTaskFinishEventId: decided.eventId,
    requestId: randomUUID(),
  });
  await api.pipeline.client.workflow.getHandle(workflowId).result();
  expect(await carryOn(deps(), body.id, ONE_STEP)).toMatchObject({ outcome: 'ended', state: 'captured' });
  expect(forgetful.charges()).toEqual([]);
  await forgetful.close();
});

test('a second charge of a captured payment, and a charge of one that had ended, are put before a person', async () => {
  api = await createPaymentApi({ worker: false });
  const { body } = await api.payByCard('tok_ok');
  const captured = (await readPayment(api.deps.pool, body.id)) as Payment;
  const second = { kind: 'captured' as const, payment: captured, charge: { id: 'ch_second', capturedAt: new Date() } };
  expect(await recordResult(deps(), second)).toMatchObject({ state: 'captured', declineCode: 'charged_twice' });
  await recordResult(deps(), second);
  expect((await api.events('payment.needs_review')).map(({ data }) => data.declineCode)).toEqual(['charged_twice']);

  const ended = await acceptAndDie();
  await recordResult(deps(), { kind: 'ended', payment: ended, move: 'fail', code: 'given_up' });
  // Its order is paid by another payment meanwhile.
  const again = await api.post('/v1/payments', { orderId: ended.orderId, source: { type: 'card', token: 'tok_ok' } });
  expect(again.body.state).toBe('captured');
  const found = { kind: 'captured' as const, payment: ended, charge: { id: 'ch_late', capturedAt: new Date() } };
  expect(await recordResult(deps(), found)).toMatchObject({ state: 'needs_review', declineCode: 'captured_after_end' });
  expect(await orderState(ended.orderId)).toBe('paid');
  // It cannot be booked for an order that is paid already; a person says what became of the money.
  expect((await api.post(`/v1/payments/${ended.id}/resume`)).status).toBe(409);
  const resolved = await api.post(`/v1/payments/${ended.id}/resolve`, { as: 'refunded_outside', note: 'by the bank' });
  expect([resolved.status, resolved.body.state]).toEqual([200, 'voided']);
  expect(await orderState(ended.orderId)).toBe('paid');
});

test('once the provider has forgotten the keys, nothing is asked for again: what it does not know is voided', async () => {
  api = await createPaymentApi({ worker: false, env: { WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW: '1h' } });
  const payment = await acceptAndDie();
  await api.deps.pool.query("UPDATE payments SET first_called_at = now() - interval '2 hours'");
  expect(await carryOn(deps(), payment.id, ONE_STEP)).toMatchObject({ state: 'failed', code: 'too_late' });
  expect(api.provider.calls.filter((call) => call.startsWith('POST'))).toEqual(['POST /v1/voids']);
  expect(await orderState(payment.orderId)).toBe('created');
});

describe('what the provider takes is not what was asked for', () => {
  beforeAll(async () => {
    api = await createPaymentApi();
    shared = api;
  });
  afterAll(() => api.close());

  test.each([
    ['tok_partial_approval', 'voided', 0n],
    ['tok_partial_capture', 'needs_review', 6_000n],
    ['tok_capture_too_much', 'needs_review', 16_000n],
    ['tok_capture_other_currency', 'needs_review', 10_000n],
  ])('%s is never booked as what was asked for', async (token, state, held) => {
    const { body } = await api.payByCard(token);
    const payment = await api.untilPayment(body.id, state);
    expect(payment.declineCode).toBe('amount_mismatch');
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(0n);
    const [charge] = api.chargesOf(body.id);
    expect(charge?.state).toBe(held === 0n ? 'voided' : 'captured');
    if (held === 0n) return;
    expect(payment.providerSays).toMatchObject({ chargeId: charge?.id, amount: held.toString() });
    expect(await orderState(body.orderId)).toBe('paying');
    const told = (await api.events('payment.needs_review')).find(({ data }) => data.paymentId === body.id);
    expect(told?.data.providerSays).toMatchObject({ amount: held.toString() });
  });

  test('an operator ends the review of a partial capture with what was taken, or by bearing the rest', async () => {
    const first = await api.untilPayment((await api.payByCard('tok_partial_capture')).body.id, 'needs_review');
    const path = `/v1/payments/${first.id}/resolve`;
    const captured = { as: 'captured', amount: '6000', chargeId: 'ch_1', note: 'seen in the dashboard' };
    expect((await api.post(path, { ...captured, amount: '10001' })).status).toBe(422);
    expect((await api.post(path, { as: 'captured', note: 'x' })).status).toBe(422);
    const done = await api.post(path, captured);
    expect(done.body).toMatchObject({ state: 'captured', amount: '10000', capturedAmount: '6000' });
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(6_000n);
    expect((await api.post(path, captured)).status).toBe(409);
    expect((await api.post(`/v1/payments/${first.id}/refunds`, { amount: '6001' })).status).toBe(422);
    const [charge] = api.chargesOf(first.id ?? '');
    if (charge === undefined) throw new Error('there is no charge');
    api.provider.chargeback(charge, 'chargeback.opened', '8000');
    await eventually(async () => {
      const { body } = await api.call('GET', `/v1/chargebacks?paymentId=${first.id}`);
      return body.data[0]?.state === 'needs_review' ? true : undefined;
    });
    // A dispute about more than was captured is about what was captured.
    const disputed = await api.post(`/v1/payments/${first.id}/refunds`);
    expect(disputed.body.detail).toContain(': 6000 of the payment ');

    const second = await api.untilPayment((await api.payByCard('tok_partial_capture')).body.id, 'needs_review');
    const off = { as: 'written_off', amount: '6000', chargeId: 'ch_2', note: 'goodwill' };
    expect((await api.post(`/v1/payments/${second.id}/resolve`, off)).body).toMatchObject({ state: 'captured' });
    expect(await api.balance(ACCOUNTS.pspClearing)).toBe(12_000n);
    expect(await api.balance(ACCOUNTS.reviewLosses)).toBe(4_000n);
    expect(await orderState(second.orderId ?? '')).toBe('paid');
    const { body: log } = await api.call('GET', '/api/v2/finance/settlement/audit');
    expect(JSON.stringify(log)).toContain('payment.resolve');
  });
});

test('a second review is told again, and the same key is answered with the payment as it is', async () => {
  api = await createPaymentApi({ worker: false });
  const orderId = await api.newOrder();
  const key = randomUUID();
  const request = { orderId, source: { type: 'card', token: 'tok_ok' } };
  const first = await api.post('/v1/payments', request, key);
  expect(first.get('idempotent-replayed')).toBeUndefined();
  const payment = await acceptAndDie();
  for (const code of ['provider_unreachable', 'posting_refused']) {
    await recordResult(deps(), { kind: 'review', payment, code });
    await movePayment(api.deps.pool, payment.id, 'resume');
  }
  const told = await api.events('payment.needs_review');
  expect(told.map(({ data }) => data.declineCode)).toEqual(['provider_unreachable', 'posting_refused']);

  const again = await api.post('/v1/payments', request, key);
  expect([again.status, again.body.id, again.get('idempotent-replayed')]).toEqual([201, first.body.id, 'true']);
  // Also by the order's own path, and by another key of the tenant.
  const other = await api.newKey(['payments:write']);
  const rotated = await api.call('POST', `/v1/orders/${orderId}/pay`, {
    body: { source: request.source },
    headers: { 'idempotency-key': key },
    key: other,
  });
  expect([rotated.status, rotated.body.id]).toEqual([201, first.body.id]);
  const reused = await api.post('/v1/payments', { ...request, orderId: await api.newOrder() }, key);
  expect([reused.status, reused.body.type]).toEqual([422, expect.stringContaining('idempotency-key-reuse')]);
});

test('what stands still is seen in the metrics, although nothing runs that would move it', async () => {
  api = await createPaymentApi({ worker: false });
  watchPayments(api.pipeline.platform);
  const payment = await acceptAndDie();
  await api.deps.pool.query("UPDATE payments SET created_at = now() - interval '2 hours'");
  const text = () => api.deps.metrics.registry.metrics();
  expect(await text()).toMatch(/^payments_open\{stage="under_way"\} 1$/m);
  expect(await text()).toMatch(/^payments_oldest_open_seconds\{stage="under_way"\} 72\d\d/m);
  await recordResult(deps(), { kind: 'review', payment, code: 'provider_unreachable' });
  expect(await text()).toMatch(/^payments_open\{stage="in_review"\} 1$/m);
});
