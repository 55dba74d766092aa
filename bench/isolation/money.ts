import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../../core/ids';
import { insertOrder } from '../../domains/payments/store/orders';
import { clockMs } from '../kit/clock';
import { closedLoop } from '../kit/closed-loop';
import { progress } from '../kit/progress';
import { percentile, round } from '../kit/statistics';
import type { PaymentStack } from '../payments/payment-stack';
import { addUnsettledDay, type UnsettledDay } from '../settlement/unsettled-day';
import { PAYMENTS_PER_SECOND, type Plan, SETTLED_MERCHANTS, SETTLED_TRANSACTIONS } from './plan';

const LOOK_EVERY_MS = 50;
const AMOUNT = 10_000n;
/** Payments under way at most; what is due beyond is counted as skipped. */
const MOST_UNDER_WAY = 64;

/** Days of sales to settle, each of a business of its own, and orders to pay. */
export interface Money {
  /** One that is not counted, one alone, one in the phase that has it. */
  days: UnsettledDay[];
  orderIds: string[];
}

/** Loads the days that are settled, and the orders that are paid. */
export async function addMoney({ stack, tenantId, merchantId }: PaymentStack, plan: Plan): Promise<Money> {
  const size = { merchants: SETTLED_MERCHANTS, transactions: SETTLED_TRANSACTIONS };
  const days: UnsettledDay[] = [];
  for (let n = 0; n < 3; n++) days.push(await addUnsettledDay(stack, size));
  const orderIds = Array.from({ length: Math.ceil(plan.seconds * PAYMENTS_PER_SECOND) }, () => newId('ord'));
  await closedLoop(orderIds, 4, (id) =>
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
  return { days, orderIds };
}

/** Settles a day. @returns seconds from the call until its result can be read; undefined when it takes too long */
export async function settleDay(
  day: UnsettledDay | undefined,
  withinMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (day === undefined) return undefined;
  const began = clockMs();
  await day.trigger().catch((error: unknown) => progress(`the settlement's call failed: ${error}`));
  while (clockMs() - began < withinMs) {
    const status = (await day.look().catch(() => undefined))?.status;
    if (status === 'completed') return round((clockMs() - began) / 1_000);
    if (status !== undefined && !['pending', 'running'].includes(status)) {
      throw new Error(`the settlement of ${day.date} is ${status}`);
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  return undefined;
}

/** Card payments made at a constant rate. */
export interface PaymentFigures {
  captured: number;
  /** Ended otherwise, or without an answer. */
  failed: number;
  /** Still without an answer when the wait was over. */
  unanswered: number;
  /** Not begun, since too many were under way. */
  skipped: number;
  p50Ms: number;
  p99Ms: number;
}

/** Pays orders by card, at a constant rate whatever happens to earlier ones, and waits a bounded time for the last. */
export async function payAtRate(
  { stack }: PaymentStack,
  orderIds: readonly string[],
  answersWithinMs: number,
  signal: AbortSignal,
): Promise<PaymentFigures> {
  const latencies: number[] = [];
  const figures = { captured: 0, failed: 0, skipped: 0 };
  const underWay = new Set<Promise<void>>();
  const pay = async (orderId: string, due: number) => {
    const body = { orderId, source: { type: 'card', token: 'tok_ok' } };
    const answer = await stack.client.call('POST', '/v1/payments', body).catch(() => undefined);
    if ((answer as { state?: string } | undefined)?.state !== 'captured') {
      figures.failed++;
      return;
    }
    figures.captured++;
    latencies.push(clockMs() - due);
  };
  const began = clockMs();
  for (const [index, orderId] of orderIds.entries()) {
    const due = began + (index * 1_000) / PAYMENTS_PER_SECOND;
    await sleep(Math.max(0, due - clockMs()), undefined, { signal });
    if (underWay.size >= MOST_UNDER_WAY) {
      figures.skipped++;
      continue;
    }
    const paying = pay(orderId, due).finally(() => underWay.delete(paying));
    underWay.add(paying);
  }
  await Promise.race([Promise.all(underWay), sleep(answersWithinMs, undefined, { signal })]);
  const at = (share: number) => (latencies.length === 0 ? 0 : round(percentile(latencies, share), 1));
  return { ...figures, unanswered: underWay.size, p50Ms: at(0.5), p99Ms: at(0.99) };
}
