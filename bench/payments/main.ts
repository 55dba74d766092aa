// npm run bench:payments -- [--json] [--quick]: card payments a second and how long a capture takes, with a provider that
// answers at once, and against the same calls without a workflow. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { newId } from '../../core/ids';
import { paymentsConfig } from '../../domains/payments/config';
import { paymentDeps } from '../../domains/payments/deps';
import { authoriseCharge, captureCharge } from '../../domains/payments/paying/charge-at-provider';
import { recordCapture } from '../../domains/payments/paying/record-capture';
import { paymentWorkflowId } from '../../domains/payments/rules/workflow-names';
import { insertOrder, moveOrder } from '../../domains/payments/store/orders';
import { insertPayment } from '../../domains/payments/store/payments';
import { openPlatform } from '../../infra/platform/platform';
import { inTransaction } from '../../infra/postgres/pool';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { closedLoop, type LoopResult } from '../kit/closed-loop';
import { describeMachine, rssMb } from '../kit/machine';
import { progress } from '../kit/progress';
import { percentile, round } from '../kit/statistics';
import { auditPayments, isSound } from './payment-audit';
import { type PaymentStack, startPaymentStack } from './payment-stack';

const FULL = { saturated: 3_000, calm: 300, warmUp: 100 };
const QUICK = { saturated: 400, calm: 80, warmUp: 30 };
/** Requests under way when saturated: enough to keep the machine busy. */
const SENDERS = 32;
const AMOUNT = 10_000n;
const CONNECTIONS = 10;

interface Figures {
  payments: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

async function main(quick: boolean, interrupts: AbortSignal) {
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const payments = await startPaymentStack({ onDeath: (error) => died.abort(error), signal });
  try {
    return await run(payments, quick ? QUICK : FULL, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await payments.stack.stop(false);
  }
}

async function run(payments: PaymentStack, plan: typeof FULL, signal: AbortSignal) {
  const { stack, providerUrl } = payments;
  const machine = await describeMachine(stack.pool);
  const orders = await makeOrders(payments, 2 * (plan.saturated + plan.calm + plan.warmUp));
  const take = (count: number) => orders.splice(0, count);
  const bare = await withoutWorkflow(payments);
  try {
    const pay = (orderId: string) => payByApi(payments, orderId, signal);
    await closedLoop(take(plan.warmUp), SENDERS, pay);
    await closedLoop(take(plan.warmUp), SENDERS, bare.pay);
    const calm = figures(await closedLoop(take(plan.calm), 1, pay));
    progress(`one at a time: ${calm.perSecond}/s, p50 ${calm.p50Ms} ms, p99 ${calm.p99Ms} ms`);
    const calmBare = figures(await closedLoop(take(plan.calm), 1, bare.pay));
    const saturated = figures(await closedLoop(take(plan.saturated), SENDERS, pay));
    progress(`${SENDERS} at a time: ${saturated.perSecond}/s, p99 ${saturated.p99Ms} ms`);
    const saturatedBare = figures(await closedLoop(take(plan.saturated), SENDERS, bare.pay));
    progress(`without workflow: ${saturatedBare.perSecond}/s, p99 ${saturatedBare.p99Ms} ms`);
    const audit = await auditPayments(stack.pool, providerUrl);
    return {
      perSecond: saturated.perSecond,
      captureP99Ms: calm.p99Ms,
      ratioToNoWorkflow: round(saturated.perSecond / saturatedBare.perSecond, 3),
      senders: SENDERS,
      saturated,
      oneAtATime: calm,
      withoutWorkflow: { saturated: saturatedBare, oneAtATime: calmBare },
      rssMb: { api: rssMb(stack.api.pid), worker: rssMb(stack.worker.pid) },
      audit,
      sound: isSound(audit),
      machine,
    };
  } finally {
    await bare.close();
  }
}

function figures({ done, seconds, latencies }: LoopResult): Figures {
  return {
    payments: done,
    perSecond: round(done / seconds, 1),
    p50Ms: round(percentile(latencies, 0.5), 1),
    p99Ms: round(percentile(latencies, 0.99), 1),
  };
}

async function makeOrders({ stack, tenantId, merchantId }: PaymentStack, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId('ord'));
  await closedLoop(ids, 4, (id) =>
    insertOrder(stack.pool, {
      id,
      tenantId,
      merchantId,
      amount: AMOUNT,
      currency: 'EUR',
      reference: undefined,
      metadata: {},
    }),
  );
  return ids;
}

async function payByApi({ stack }: PaymentStack, orderId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const body = { orderId, source: { type: 'card', token: 'tok_ok' } };
  const payment = (await stack.client.call('POST', '/v1/payments', body)) as { state: string };
  if (payment.state !== 'captured') throw new Error(`a payment is ${payment.state}`);
}

/** The same statements and the same calls to the provider, one after the other in this process: the floor. */
async function withoutWorkflow({ stack, tenantId, merchantId, env }: PaymentStack) {
  const platform = openPlatform({
    name: 'bench',
    fragments: [paymentsConfig],
    env: {
      ...env,
      DATABASE_URL: stack.servers.postgres.address,
      WAYBILL_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
      WAYBILL_LOG_LEVEL: 'silent',
      WAYBILL_DATABASE_CONNECTIONS: String(CONNECTIONS),
    },
  });
  const { pool } = platform;
  const deps = paymentDeps(platform);
  return {
    async pay(orderId: string): Promise<void> {
      const id = newId('pay');
      await inTransaction(pool, async (db) => {
        await moveOrder(db, tenantId, orderId, 'pay');
        await insertPayment(db, {
          id,
          tenantId,
          orderId,
          merchantId,
          amount: AMOUNT,
          currency: 'EUR',
          source: { type: 'card', token: 'tok_ok' },
          workflowId: paymentWorkflowId(id),
        });
      });
      const authorised = await authoriseCharge(deps, id);
      if (authorised.state !== 'authorised') throw new Error(`an authorisation is ${authorised.state}`);
      const captured = await captureCharge(deps, id, authorised.chargeId);
      if (captured.state !== 'captured') throw new Error(`a capture is ${captured.state}`);
      await recordCapture(deps, id, captured);
    },
    close: () => platform.close(),
  };
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

main(values.quick, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    if (!result.sound) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
