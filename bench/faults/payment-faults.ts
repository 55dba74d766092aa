import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { progress } from '../kit/progress';
import { Supervised } from '../kit/supervised';
import { auditPayments, isSound, type PaymentAudit } from '../payments/payment-audit';
import { type PaymentStack, startPaymentStack } from '../payments/payment-stack';
import { resetPaymentWorkflows } from './reset-payments';

/** What is done to payments, and for how long. Times in milliseconds. */
export interface PaymentFaultPlan {
  /** Customers, each paying one order after the other. */
  customers: number;
  /** Load before each kill, between kill and restart, and after the restart. */
  beforeMs: number;
  downMs: number;
  afterMs: number;
  /** How long to wait for every payment to end. */
  settleWithinMs: number;
  /** How long the API is stopped: longer than a lease, so that others have taken over its payments when it wakes. */
  stoppedMs: number;
  /** How long the provider refuses the key that API and worker were restarted with. */
  revokedMs: number;
  /** Most workflows that are reset afterwards. */
  resets: number;
}

export const QUICK_PAYMENT_FAULTS: PaymentFaultPlan = {
  customers: 6,
  beforeMs: 2_000,
  downMs: 1_500,
  afterMs: 2_500,
  settleWithinMs: 60_000,
  stoppedMs: 14_000,
  revokedMs: 3_000,
  resets: 200,
};
export const FULL_PAYMENT_FAULTS: PaymentFaultPlan = {
  customers: 16,
  beforeMs: 6_000,
  downMs: 4_000,
  afterMs: 8_000,
  settleWithinMs: 180_000,
  stoppedMs: 20_000,
  revokedMs: 10_000,
  resets: 2_000,
};

export interface PaymentFaultReport {
  /** Processes that were killed, in order; those with a plus together. */
  kills: string[];
  /** Payments that customers were told were captured, and refunds that they were told succeeded. */
  toldCaptured: number;
  toldRefunded: number;
  /** Of these, those that were not. */
  toldWrongly: number;
  /** Requests that ended without an answer, or with an error, and were repeated with their key. */
  repeated: number;
  /** Workflows that were reset when all was over; {@link audit} is taken after that. */
  reset: number;
  audit: PaymentAudit;
  sound: boolean;
}

/** The provider fails too: this many of a thousand calls are done and never answered, and as many are answered 500. */
const PROVIDER_FAULTS = '20';
// None whose refunds are refused: a refusal after a call that was not answered proves nothing, and is for a person.
const TOKENS = [
  'tok_ok',
  'tok_ok',
  'tok_ok',
  'tok_declined',
  'tok_capture_refused',
  'tok_timeout_after_success',
  'tok_partial_approval',
  'tok_refund_timeout_after_success',
  'tok_refund_pending',
];
const REQUEST_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 250;
const AMOUNT = '10000';
/** Two of them fit into a payment. */
const REFUND = '4000';

/**
 * Kills API, worker, Temporal and Postgres under payments and refunds, with a provider that itself does not always answer,
 * and then compares the provider's charges and refunds with ours and the ledger: one charge for each captured payment, one
 * refund for each that succeeded, none twice, none lost.
 */
export async function runPaymentFaults(plan: PaymentFaultPlan, signal: AbortSignal): Promise<PaymentFaultReport> {
  const env = { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '1s', WAYBILL_PAYMENT_PACE: '0.2' };
  const payments = await startPaymentStack({
    env,
    providerEnv: { FAKE_PROVIDER_FAULTS_PER_THOUSAND: PROVIDER_FAULTS },
    signal,
  });
  const { stack } = payments;
  let keep = true;
  try {
    const supervise = (name: string, target: ConstructorParameters<typeof Supervised>[1]) =>
      new Supervised(name, target, signal);
    const api = supervise('api', stack.api);
    const worker = supervise('worker', stack.worker);
    const temporal = supervise('temporal', stack.servers.temporal);
    const postgres = supervise('postgres', stack.servers.postgres);
    const strikes = [[api], [worker], [api, worker], [temporal], [postgres], [worker, postgres]];
    const pause = (ms: number) => sleep(ms, undefined, { signal });

    const customers = Array.from({ length: plan.customers }, () => new Customer(payments, signal));
    const loads = customers.map((customer) => customer.run());
    for (const victims of strikes) {
      await pause(plan.beforeMs);
      progress(`payments: kill -9 of ${victims.map(({ name }) => name).join(' and ')}`);
      await Promise.all(victims.map((victim) => victim.kill()));
      await pause(plan.downMs);
      await Promise.all(victims.map((victim) => victim.start()));
      await pause(plan.afterMs);
    }
    await stopAndWake(stack.api.pid, plan.stoppedMs, pause);
    await pause(plan.afterMs);
    progress('payments: the provider forgets its idempotency keys');
    await tellProvider(payments, '/forgotten-keys');
    await pause(plan.afterMs);
    progress('payments: kill -9 of api and worker, and the provider refuses their key when they are back');
    await Promise.all([api.kill(), worker.kill()]);
    await tellProvider(payments, '/key', { key: 'another' });
    await Promise.all([api.start(), worker.start()]);
    await pause(plan.revokedMs);
    await tellProvider(payments, '/key');
    await pause(plan.afterMs);
    for (const customer of customers) customer.stop();
    await Promise.all(loads);
    await untilFinished(stack.pool, plan.settleWithinMs, signal);
    await tellProvider(payments, '/forgotten-keys');
    const reset = await resetPaymentWorkflows(stack.servers.temporal.address, {
      most: plan.resets,
      withinMs: plan.settleWithinMs,
      signal,
    });

    const audit = await auditPayments(stack.pool, payments.providerUrl);
    const captured = customers.flatMap((customer) => customer.captured);
    const refunded = customers.flatMap((customer) => customer.refunded);
    const report = {
      kills: strikes.map((victims) => victims.map(({ name }) => name).join('+')),
      toldCaptured: captured.length,
      toldRefunded: refunded.length,
      toldWrongly:
        (await countOthers(stack.pool, "SELECT id FROM payments WHERE state = 'captured'", captured)) +
        (await countOthers(stack.pool, "SELECT id FROM refunds WHERE state = 'succeeded'", refunded)),
      repeated: customers.reduce((sum, { repeated }) => sum + repeated, 0),
      reset,
      audit,
      sound: false,
    };
    report.sound = isSound(audit) && report.toldWrongly === 0 && audit.captured > 0 && audit.refunds.succeeded > 0;
    keep = !report.sound;
    return report;
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

/** Stops a process as a paused machine would, and lets it go on with what it was doing. */
async function stopAndWake(pid: number | undefined, ms: number, pause: (ms: number) => Promise<void>): Promise<void> {
  if (pid === undefined) throw new Error('the API is not running');
  progress(`payments: the API is stopped for ${ms / 1_000} s`);
  process.kill(pid, 'SIGSTOP');
  try {
    await pause(ms);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function tellProvider({ providerUrl }: PaymentStack, path: string, body: object = {}): Promise<void> {
  const response = await fetch(providerUrl + path, { method: 'PUT', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`the provider answered ${response.status} to ${path}`);
}

/** A customer who pays, wants a part back, and repeats a request with its key until it is answered. */
class Customer {
  readonly captured: string[] = [];
  readonly refunded: string[] = [];
  repeated = 0;
  #stopped = false;
  #paid = 0;

  constructor(
    private readonly payments: PaymentStack,
    private readonly signal: AbortSignal,
  ) {}

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const { merchantId } = this.payments;
      const order = await this.#post('/v1/orders', { merchantId, amount: AMOUNT, currency: 'EUR' });
      const token = TOKENS[this.#paid++ % TOKENS.length];
      const payment = await this.#post('/v1/payments', { orderId: order.id, source: { type: 'card', token } });
      if (payment.state !== 'captured' || payment.id === undefined) continue;
      this.captured.push(payment.id);
      await Promise.all([this.#refund(payment.id), this.#refund(payment.id)]);
    }
  }

  async #refund(paymentId: string): Promise<void> {
    const refund = await this.#post(`/v1/payments/${paymentId}/refunds`, { amount: REFUND });
    if (refund.state === 'succeeded' && refund.id !== undefined) this.refunded.push(refund.id);
  }

  /** Also after {@link stop}: a customer who has begun to pay wants to know the outcome. */
  async #post(path: string, body: object): Promise<{ id?: string; state?: string }> {
    const { stack } = this.payments;
    const key = randomUUID();
    for (;;) {
      this.signal.throwIfAborted();
      try {
        const response = await fetch(`http://127.0.0.1:${stack.apiPort}${path}`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${stack.adminKey}`,
            'content-type': 'application/json',
            'idempotency-key': key,
          },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(REQUEST_WITHIN_MS),
        });
        const text = await response.text();
        if (response.ok) return JSON.parse(text);
        if (response.status !== 409 && response.status < 500) {
          throw new Refused(`${path} was answered ${response.status}: ${text}`);
        }
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      this.repeated++;
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.signal });
    }
  }
}

class Refused extends Error {
  override name = 'Refused';
}

async function untilFinished(pool: Pool, withinMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { rows } = await pool.query<{ open: number }>(
      `SELECT (SELECT count(*) FROM payments WHERE state IN ('pending', 'authorised'))::int
              + (SELECT count(*) FROM refunds WHERE state = 'pending')::int AS open`,
    );
    if (rows[0]?.open === 0 || performance.now() > deadline) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** How many of these ids a query does not find. */
async function countOthers(pool: Pool, query: string, ids: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ found: number }>(
    `SELECT count(*)::int AS found FROM (${query}) AS all_of_them WHERE id = ANY ($1::uuid[])`,
    [ids.map((id) => id.slice(id.indexOf('_') + 1))],
  );
  return ids.length - (rows[0]?.found ?? 0);
}
