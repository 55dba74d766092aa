import { setTimeout as sleep } from 'node:timers/promises';
import { fromUuid, newId } from '../../core/ids';
import { insertOrder } from '../../domains/payments/store/orders';
import { clockMs } from '../kit/clock';
import { closedLoop, type LoopResult } from '../kit/closed-loop';
import { percentile, round } from '../kit/statistics';
import type { PaymentStack } from './payment-stack';

export const AMOUNT = 10_000n;
export const TOKEN = 'tok_ok';
const REFUND = 2_500n;

export interface Figures {
  /** Payments, or refunds. */
  count: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers by the state of what they show. */
  states: Record<string, number>;
}

/** Orders to be paid, by their ids. */
export async function makeOrders({ stack, tenantId, merchantId }: PaymentStack, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId('ord'));
  const order = { tenantId, merchantId, amount: AMOUNT, currency: 'EUR', reference: undefined, metadata: {} };
  await closedLoop(ids, 4, (id) => insertOrder(stack.pool, { ...order, id }));
  return ids;
}

/** Captured payments, by their ids. */
export async function findCaptured({ stack }: PaymentStack, count: number): Promise<string[]> {
  const { rows } = await stack.pool.query<{ id: string }>("SELECT id FROM payments WHERE state = 'captured' LIMIT $1", [
    count,
  ]);
  return rows.map(({ id }) => fromUuid('pay', id));
}

/** Wallets with money enough, by their ids. */
export async function makeWallets({ stack }: PaymentStack, count: number): Promise<string[]> {
  const ids: string[] = [];
  const credit = { amount: (AMOUNT * 100_000n).toString(), reason: 'Bench' };
  for (let n = 0; n < count; n++) {
    const wallet = (await stack.client.call('POST', '/v1/wallets', { owner: `${n}`, currency: 'EUR' })) as {
      id: string;
    };
    await stack.client.call('POST', `/v1/wallets/${wallet.id}/credits`, credit);
    ids.push(wallet.id);
  }
  return ids;
}

/** Customers who pay over the API, by card or from wallets. */
export class Customers {
  #states: Record<string, number> = {};

  constructor(
    private readonly payments: PaymentStack,
    private readonly signal: AbortSignal,
  ) {}

  /** A fixed number at a time. */
  async atATime(orderIds: readonly string[], customers: number): Promise<Figures> {
    this.#states = {};
    return this.#figures(await closedLoop(orderIds, customers, (orderId) => this.#pay(orderId)));
  }

  /** From wallets, in turns, a fixed number at a time. */
  async fromWallets(
    orderIds: readonly string[],
    { wallets, customers }: { wallets: readonly string[]; customers: number },
  ): Promise<Figures> {
    this.#states = {};
    let next = 0;
    const pay = (orderId: string) => {
      this.signal.throwIfAborted();
      const walletId = wallets[next++ % wallets.length];
      return this.#post('/v1/payments', { orderId, source: { type: 'wallet', walletId } });
    };
    return this.#figures(await closedLoop(orderIds, customers, pay));
  }

  /** Refunds a part of each payment, a fixed number at a time. */
  async refundAtATime(paymentIds: readonly string[], customers: number): Promise<Figures> {
    this.#states = {};
    return this.#figures(await closedLoop(paymentIds, customers, (id) => this.#refund(id)));
  }

  /** Open loop: at a constant rate, whatever happens to earlier ones; times count from when a payment was due. */
  async atRate(orderIds: readonly string[], perSecond: number): Promise<Figures> {
    this.#states = {};
    const latencies: number[] = [];
    const began = clockMs();
    const underWay = orderIds.map(async (orderId, n) => {
      const due = began + (n * 1_000) / perSecond;
      // `#pay` looks at the signal: with a listener for each payment that waits, Node would warn of a leak.
      await sleep(Math.max(0, due - clockMs()), undefined, { ref: false });
      await this.#pay(orderId);
      latencies.push(clockMs() - due);
    });
    await Promise.all(underWay);
    return this.#figures({ done: latencies.length, seconds: (clockMs() - began) / 1_000, latencies });
  }

  async #pay(orderId: string): Promise<void> {
    this.signal.throwIfAborted();
    await this.#post('/v1/payments', { orderId, source: { type: 'card', token: TOKEN } });
  }

  async #refund(paymentId: string): Promise<void> {
    this.signal.throwIfAborted();
    await this.#post(`/v1/payments/${paymentId}/refunds`, { amount: REFUND.toString() });
  }

  async #post(path: string, body: object): Promise<void> {
    const { state } = (await this.payments.stack.client.call('POST', path, body)) as { state: string };
    this.#states[state] = (this.#states[state] ?? 0) + 1;
  }

  #figures(result: LoopResult): Figures {
    return { ...figuresOf(result), states: this.#states };
  }
}

export function figuresOf({ done, seconds, latencies }: LoopResult): Omit<Figures, 'states'> {
  return {
    count: done,
    perSecond: round(done / seconds, 1),
    p50Ms: round(percentile(latencies, 0.5), 1),
    p99Ms: round(percentile(latencies, 0.99), 1),
  };
}
