// npm run bench:payments -- [--json] [--quick]: payments a second and how long they take, against the same calls and
// statements one after the other, and with a provider that fails. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { closedLoop } from '../kit/closed-loop';
import { describeMachine, rssMb } from '../kit/machine';
import { progress } from '../kit/progress';
import { round } from '../kit/statistics';
import { openBare } from './bare';
import { Customers, figuresOf, findCaptured, makeOrders, makeWallets } from './customers';
import { auditPayments, isSound } from './payment-audit';
import { type PaymentStack, type PaymentStackOptions, startPaymentStack } from './payment-stack';
import { areWalletsSound, auditWallets } from './wallet-audit';

/** Numbers of payments, and of refunds. */
const FULL = { saturated: 6_000, rated: 3_000, calm: 300, warmUp: 200, failing: 1_000, refunds: 3_000, wallets: 3_000 };
const QUICK = { saturated: 1_000, rated: 600, calm: 80, warmUp: 50, failing: 200, refunds: 600, wallets: 1_000 };
const AT_A_TIME = 64;
/** Payments from wallets take these in turns. */
const WALLETS = 50;
const PER_SECOND = 150;
/** With a provider that fails. */
const FAILING_PER_SECOND = 50;

/** Of a thousand calls of the failing provider, how many it answers 500, and how many it carries out without an answer. */
const FAILING = { FAKE_PROVIDER_FAULTS_PER_THOUSAND: '100' };
const PATIENCE = { WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '1s' };
const END_WITHIN_MS = 120_000;

type Plan = typeof FULL;
type Run<T> = (payments: PaymentStack, signal: AbortSignal) => Promise<T>;

async function withStack<T>(options: Omit<PaymentStackOptions, 'signal'>, interrupts: AbortSignal, run: Run<T>) {
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const payments = await startPaymentStack({ ...options, onDeath: (error) => died.abort(error), signal });
  try {
    await subscribe(payments);
    return await run(payments, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await payments.stack.stop(false);
  }
}

/** An endpoint that is told of every payment and refund. */
async function subscribe({ stack }: PaymentStack): Promise<void> {
  await stack.client.call('POST', '/v1/endpoints', {
    url: stack.receiver.url(0),
    eventTypes: ['payment.*', 'refund.*'],
  });
}

async function normally(payments: PaymentStack, plan: Plan, signal: AbortSignal) {
  const { stack, providerUrl } = payments;
  const machine = await describeMachine(stack.pool);
  const orders = await makeOrders(payments, 2 * (plan.saturated + plan.calm + plan.warmUp) + plan.rated);
  const take = (count: number) => orders.splice(0, count);
  const customers = new Customers(payments, signal);
  const bare = openBare(payments);
  try {
    await customers.atATime(take(plan.warmUp), AT_A_TIME);
    await closedLoop(take(plan.warmUp), AT_A_TIME, bare.pay);
    const calm = await customers.atATime(take(plan.calm), 1);
    progress(`one at a time: ${calm.perSecond}/s, p50 ${calm.p50Ms} ms, p99 ${calm.p99Ms} ms`);
    const calmBare = figuresOf(await closedLoop(take(plan.calm), 1, bare.pay));
    const rated = await customers.atRate(take(plan.rated), PER_SECOND);
    progress(`at ${PER_SECOND}/s: p50 ${rated.p50Ms} ms, p99 ${rated.p99Ms} ms`);
    const saturated = await customers.atATime(take(plan.saturated), AT_A_TIME);
    progress(`${AT_A_TIME} at a time: ${saturated.perSecond}/s, p50 ${saturated.p50Ms} ms, p99 ${saturated.p99Ms} ms`);
    const saturatedBare = figuresOf(await closedLoop(take(plan.saturated), AT_A_TIME, bare.pay));
    progress(`without API and workflow: ${saturatedBare.perSecond}/s, p99 ${saturatedBare.p99Ms} ms`);
    const refunds = await customers.refundAtATime(await findCaptured(payments, plan.refunds), AT_A_TIME);
    progress(
      `refunds, ${AT_A_TIME} at a time: ${refunds.perSecond}/s, p50 ${refunds.p50Ms} ms, p99 ${refunds.p99Ms} ms`,
    );
    const audit = await auditPayments(stack.pool, providerUrl);
    const wallets = { wallets: await makeWallets(payments, WALLETS), customers: AT_A_TIME };
    const fromWallets = await customers.fromWallets(await makeOrders(payments, plan.wallets), wallets);
    progress(
      `from wallets, ${AT_A_TIME} at a time: ${fromWallets.perSecond}/s, p50 ${fromWallets.p50Ms} ms, p99 ${fromWallets.p99Ms} ms`,
    );
    const walletAudit = await auditWallets(stack.pool);
    return {
      perSecond: saturated.perSecond,
      p50Ms: rated.p50Ms,
      p99Ms: rated.p99Ms,
      captureP99Ms: calm.p99Ms,
      refundsPerSecond: refunds.perSecond,
      refundP50Ms: refunds.p50Ms,
      refundP99Ms: refunds.p99Ms,
      walletPaymentsPerSecond: fromWallets.perSecond,
      ratioToNoWorkflow: round(saturated.perSecond / saturatedBare.perSecond, 3),
      atATime: AT_A_TIME,
      saturated,
      refunds,
      fromWallets,
      rated,
      oneAtATime: calm,
      withoutWorkflow: { saturated: saturatedBare, oneAtATime: calmBare },
      rssMb: { api: rssMb(stack.api.pid), worker: rssMb(stack.worker.pid) },
      audit,
      walletAudit,
      machine,
    };
  } finally {
    await bare.close();
  }
}

/** The provider answers a tenth of the calls with an error, and carries a tenth out without an answer. */
async function withFailingProvider(payments: PaymentStack, plan: Plan, signal: AbortSignal) {
  const { stack, providerUrl } = payments;
  const customers = new Customers(payments, signal);
  const rated = await customers.atRate(await makeOrders(payments, plan.failing), FAILING_PER_SECOND);
  progress(`a fifth of the calls failing, at ${FAILING_PER_SECOND}/s: p50 ${rated.p50Ms} ms, p99 ${rated.p99Ms} ms`);
  const began = performance.now();
  let audit = await auditPayments(stack.pool, providerUrl);
  while (audit.unfinished > 0 && performance.now() - began < END_WITHIN_MS) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    signal.throwIfAborted();
    audit = await auditPayments(stack.pool, providerUrl);
  }
  return { rated, allEndedAfterSeconds: round((performance.now() - began) / 1_000, 1), audit };
}

async function main(quick: boolean, interrupts: AbortSignal) {
  const plan = quick ? QUICK : FULL;
  const result = await withStack({}, interrupts, (payments, signal) => normally(payments, plan, signal));
  const failing = await withStack({ env: PATIENCE, providerEnv: FAILING }, interrupts, (payments, signal) =>
    withFailingProvider(payments, plan, signal),
  );
  return {
    ...result,
    failing,
    sound: isSound(result.audit) && areWalletsSound(result.walletAudit) && isSound(failing.audit),
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
