import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { carryOnRefund, paymentDeps } from '../../../domains/payments';
import { acceptRefunds } from '../../../domains/payments/refunding/accept-refunds';
import { createFirstRefundStep } from '../../../domains/payments/refunding/first-refund-step';
import { refundWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { readPayment } from '../../../domains/payments/store/payments';
import { takeDueRefunds } from '../../../domains/payments/store/refund-leases';
import { readRefund } from '../../../domains/payments/store/refunds';
import { createCoveredOutbox } from '../../../domains/webhooks';
import { inTransaction } from '../../../infra/postgres/pool';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { eventually } from '../../support/receiver';
import { refundCalls } from '../../support/refunds';

let api: PaymentApi;
beforeAll(async () => {
  // Nothing but the process that accepts it makes a refund here, until a test starts a worker.
  api = await createPaymentApi({ worker: false, business: { refundFeePolicy: 'prorate' } });
});
afterAll(() => api.close());
afterEach(async () => {
  expect(await api.trialBalance()).toBe(0n);
});

const LONG_MS = 60_000;
const round = { lastUnclear: false, lastPending: false };
const deps = () => paymentDeps(api.pipeline.platform);
const refund = (paymentId: string, body: object = {}, key?: string) =>
  api.post(`/v1/payments/${paymentId}/refunds`, body, key);
const reservedOf = async (id: string) => (await readPayment(api.deps.pool, id as PublicId))?.refundReserved;

/** Accepts a refund as a process does that then dies, or is stopped, before it calls the provider. */
async function accept(paymentId: PublicId, { leaseMs, claim = randomUUID() }: { leaseMs: number; claim?: string }) {
  const id = newId('ref');
  const [accepted] = await inTransaction(api.deps.pool, (db) =>
    acceptRefunds(
      db,
      [
        {
          ...{ id, tenantId: api.tenantId as PublicId, paymentId, amount: 400n, reason: undefined },
          ...{ requestKey: randomUUID(), workflowId: refundWorkflowId(id) },
        },
      ],
      { claim, leaseMs },
    ),
  );
  if (accepted === undefined || !('refund' in accepted)) throw accepted ?? new Error('nothing was accepted');
  return { ...accepted, claim };
}

test('the accepting process calls the provider once and books what it says, without any workflow', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const before = refundCalls(api);
  const answer = await refund(payment.id, { amount: '250' });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ state: 'succeeded', refundedAmount: '250' });
  expect(refundCalls(api) - before).toBe(1);
  expect(await readRefund(api.deps.pool, answer.body.id)).toMatchObject({ calls: 1, bookings: 1, claim: undefined });
  const told = (await api.events('refund.succeeded')).filter(({ data }) => data.refundId === answer.body.id);
  expect(told).toMatchObject([{ data: { refundedAmount: '250', feeReturned: answer.body.feeReturned } }]);
});

test('a refusal fails it at once, and its part can be refunded again', async () => {
  const { body: payment } = await api.payByCard('tok_refund_refused', '1000');
  expect((await refund(payment.id)).body).toMatchObject({ state: 'failed', failureCode: 'refund_refused' });
  expect(await reservedOf(payment.id)).toBe(0n);
  expect((await api.events('refund.failed')).map(({ data }) => data.amount)).toEqual(['1000']);
});

test('money that came from a wallet is back in it at once', async () => {
  const walletId = await api.newWallet('100');
  const orderId = await api.newOrder('100');
  const { body: payment } = await api.post('/v1/payments', { orderId, source: { type: 'wallet', walletId } });
  expect((await refund(payment.id, { amount: '60' })).body).toMatchObject({ state: 'succeeded' });
  expect(await api.balance(ACCOUNTS.wallet(walletId))).toBe(-60n);
});

test('many requests with one key make one refund, whoever takes them; another refund with the key is refused', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const { body: another } = await api.payByCard('tok_ok', '1000');
  const key = randomUUID();
  const same = await Promise.all(Array.from({ length: 8 }, () => refund(payment.id, {}, key)));
  expect(same.map(({ status }) => status)).toEqual(new Array(8).fill(201));
  expect(new Set(same.map(({ body }) => body.id)).size).toBe(1);
  expect(same.filter((answer) => answer.get('idempotent-replayed') === 'true')).toHaveLength(7);
  expect(api.chargesOf(payment.id)[0]?.refunds).toHaveLength(1);
  for (const [id, body] of [
    [another.id, {}],
    [payment.id, { amount: '1000' }],
    [payment.id, { reason: 'another' }],
  ] as const) {
    expect(await refund(id, body, key)).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('another refund') },
    });
  }
  const raced = randomUUID();
  const rivals = await Promise.all([payment.id, another.id, another.id].map((id) => refund(id, {}, raced)));
  expect(rivals.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
  expect(api.chargesOf(another.id)[0]?.refunds.length).toBeLessThanOrEqual(1);
});

test('refunds of one payment that are recorded together give back its fee exactly', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const parts = await Promise.all(Array.from({ length: 10 }, () => refund(payment.id, { amount: '100' })));
  const sum = (name: string) => parts.reduce((all, { body }) => all + BigInt(body[name]), 0n);
  expect([sum('feeReturned'), sum('feeTaxReturned')]).toEqual([BigInt(payment.fee), BigInt(payment.feeTax)]);
  expect((await api.call('GET', `/v1/orders/${payment.orderId}`)).body.state).toBe('refunded');
  expect(parts.map(({ body }) => body.state)).toEqual(new Array(10).fill('succeeded'));
});

test('a dispute that is being stored while a refund is accepted is counted', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const db = await api.deps.pool.connect();
  await db.query('BEGIN');
  await db.query(
    `INSERT INTO chargebacks (id, tenant_id, payment_id, provider_reference, amount, currency, reason, occurred_at, workflow_id)
     VALUES (gen_random_uuid(), $1, $2, $3, 1000, 'EUR', 'fraudulent', now(), 'w')`,
    [toUuid(api.tenantId), toUuid(payment.id), randomUUID()],
  );
  const asked = refund(payment.id);
  await eventually(async () => {
    const { rows } = await api.deps.pool.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return rows.length > 0 ? true : undefined;
  });
  await db.query('COMMIT');
  db.release();
  expect(await asked).toMatchObject({ status: 409, body: { detail: expect.stringContaining('charged back') } });
  expect(api.chargesOf(payment.id)[0]?.refunds).toEqual([]);
});

test('a process that was stopped past its lease neither calls nor fails; who takes over asks first', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const { refund: stopped, payment: paid, claim } = await accept(payment.id, { leaseMs: 0 });
  const before = refundCalls(api);
  const step = createFirstRefundStep(deps(), createCoveredOutbox(deps()), claim);
  expect(await step.make(stopped, paid, Date.now())).toBeUndefined();
  expect(refundCalls(api)).toBe(before);

  // It had called, and the money went back; its answer comes when another one has taken over.
  const done = await carryOnRefund(deps(), stopped.id, { ...round, claim: randomUUID() });
  expect(done).toMatchObject({ outcome: 'ended', state: 'succeeded' });
  expect(await step.make(stopped, paid, Date.now() + LONG_MS)).toMatchObject({ state: 'succeeded' });
  expect(api.chargesOf(payment.id)[0]?.refunds).toHaveLength(1);
  expect(await readRefund(api.deps.pool, stopped.id)).toMatchObject({ bookings: 1, bookedAmount: 400n });
});

test('a refusal that comes after the lease fails nothing', async () => {
  const { body: payment } = await api.payByCard('tok_refund_refused', '1000');
  const { refund: stopped, payment: paid, claim } = await accept(payment.id, { leaseMs: 0 });
  await api.deps.pool.query('UPDATE refunds SET claim = $2, next_step_at = now() + $3::interval WHERE id = $1', [
    toUuid(stopped.id),
    randomUUID(),
    '1 minute',
  ]);
  const step = createFirstRefundStep(deps(), createCoveredOutbox(deps()), claim);
  expect(await step.make(stopped, paid, Date.now() + LONG_MS)).toBeUndefined();
  expect(await readRefund(api.deps.pool, stopped.id)).toMatchObject({ state: 'pending', calls: 1, refusedCalls: 1 });
});

test('while one process has the lease, no other one acts; the sweep takes what is left when it ends', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  const { refund: held } = await accept(payment.id, { leaseMs: LONG_MS });
  const before = api.provider.calls.length;
  expect(await carryOnRefund(deps(), held.id, { ...round, claim: randomUUID() })).toMatchObject({
    outcome: 'waiting',
    story: 'Another process is at it.',
  });
  expect(api.provider.calls).toHaveLength(before);
  const swept = async () => (await takeDueRefunds(api.deps.pool, { pauseMs: 0, limit: 100 })).map(({ id }) => id);
  expect(await swept()).not.toContain(held.id);
  await api.deps.pool.query('UPDATE refunds SET next_step_at = now() WHERE id = $1', [toUuid(held.id)]);
  expect(await swept()).toContain(held.id);
  expect(await carryOnRefund(deps(), held.id, { ...round, claim: randomUUID() })).toMatchObject({ state: 'succeeded' });
});
