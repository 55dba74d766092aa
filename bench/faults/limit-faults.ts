import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { round } from '../kit/statistics';
import { superviseStack } from '../kit/strikes';

/** What is done to an endpoint with a rate limit. Times in milliseconds. */
export interface LimitFaultPlan {
  /** The limit, in a period of a second. */
  limit: number;
  /** Messages that are published at once, in calm, and those published a second while processes are killed. */
  waiting: number;
  perSecond: number;
  /** Between two kills, and between kill and restart. */
  beforeMs: number;
  downMs: number;
  settleWithinMs: number;
  /** Endpoints with a limit that is used up, beside one without. */
  neighbours: number;
}

export const LIMIT_FAULTS: LimitFaultPlan = {
  limit: 20,
  waiting: 240,
  perSecond: 25,
  beforeMs: 2_500,
  downMs: 1_500,
  settleWithinMs: 180_000,
  neighbours: 200,
};

export interface LimitFaultReport {
  /** Of the limit, what was sent in the seconds after that, in calm. */
  shareOfLimit: number;
  /** From publish to receiver at an endpoint without a limit, in milliseconds: alone, and beside the neighbours. */
  p50AloneMs: number;
  p50BesideMs: number;
  p99AloneMs: number;
  p99BesideMs: number;
  kills: string[];
  acknowledged: number;
  lost: number;
  duplicates: number;
  /** The most requests in any period, and by how many that is over the limit. */
  mostInPeriod: number;
  over: number;
  sound: boolean;
}

const PERIOD_MS = 1_000;
const CALM_PERIODS = 8;
const FREE_MESSAGES = 200;
const LOOK_EVERY_MS = 200;
const LIMITED = 'bench.limited';
const NEIGHBOUR = 'bench.neighbour';
const FREE = 'bench.free';

interface Arrival {
  id: string;
  at: number;
}

/**
 * Publishes more than an endpoint's limit while API, worker, Redis, Temporal and Postgres are killed: everything has to
 * arrive, and in no period more than the limit. Before that, how much of its limit an endpoint gets, and what limited
 * endpoints cost one without a limit.
 */
export async function runLimitFaults(plan: LimitFaultPlan, signal: AbortSignal): Promise<LimitFaultReport> {
  const stack = await startStack({ env: { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_SWEEP_GRACE: '3s' }, signal });
  const receiver = await startReceiver();
  let keep = true;
  try {
    await endpoint(stack, receiver.url('free'), FREE);
    await delays(stack, receiver, 20);
    const alone = await delays(stack, receiver, FREE_MESSAGES);
    const limit = { limit: plan.limit, period: '1s' };
    await endpoint(stack, receiver.url('limited'), LIMITED, limit);
    const acknowledged: string[] = [];
    const publishOne = async () => {
      const eventId = `limited-${acknowledged.length}`;
      acknowledged.push(eventId);
      await publishUntilTaken(stack, LIMITED, eventId, signal);
    };
    for (let n = 0; n < plan.waiting; n++) await publishOne();
    const calmFrom = performance.now();
    await sleep(CALM_PERIODS * PERIOD_MS, undefined, { signal });
    const calm = receiver.of('limited').filter((arrival) => arrival.at >= calmFrom).length;

    const period = { limit: 5, period: '1m' };
    for (let n = 0; n < plan.neighbours; n++) await endpoint(stack, receiver.url('neighbour'), NEIGHBOUR, period);
    for (let n = 0; n < 20; n++) await publish(stack, NEIGHBOUR, `neighbour-${n}`);
    const beside = await delays(stack, receiver, FREE_MESSAGES);
    progress(`limit: P50 of a neighbour ${at(alone, 0.5)} ms alone, ${at(beside, 0.5)} ms beside`);

    let killing = true;
    const load = (async () => {
      while (killing) {
        await publishOne();
        await sleep(1_000 / plan.perSecond, undefined, { signal });
      }
    })();
    const kills = await killAll(stack, plan, signal).finally(() => {
      killing = false;
    });
    await load;
    await untilAll(receiver, acknowledged.length, plan, signal);

    const arrivals = receiver.of('limited');
    const distinct = new Set(arrivals.map(({ id }) => id)).size;
    const mostInPeriod = mostWithin(arrivals, PERIOD_MS);
    const lost = acknowledged.length - distinct;
    const over = Math.max(0, mostInPeriod - plan.limit);
    keep = lost > 0 || over > 0;
    return {
      shareOfLimit: round(calm / (CALM_PERIODS * plan.limit), 3),
      p50AloneMs: at(alone, 0.5),
      p50BesideMs: at(beside, 0.5),
      p99AloneMs: at(alone, 0.99),
      p99BesideMs: at(beside, 0.99),
      kills,
      acknowledged: acknowledged.length,
      lost,
      duplicates: arrivals.length - distinct,
      mostInPeriod,
      over,
      sound: !keep,
    };
  } finally {
    await receiver.close();
    await stack.stop(keep && !signal.aborted);
  }
}

interface LimitReceiver {
  url(name: string): string;
  of(name: string): Arrival[];
  close(): Promise<void>;
}

/** In this process, which nobody kills; remembers repeated messages too, since a limit counts requests. */
async function startReceiver(): Promise<LimitReceiver> {
  const arrivals = new Map<string, Arrival[]>();
  const server = createServer((request, response) => {
    const arrival = { id: String(request.headers['webhook-id']), at: performance.now() };
    const name = request.url ?? '/';
    const known = arrivals.get(name);
    if (known === undefined) arrivals.set(name, [arrival]);
    else known.push(arrival);
    request.resume().once('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    of: (name) => arrivals.get(`/${name}`) ?? [],
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function endpoint(stack: Stack, url: string, eventType: string, rateLimit: object | null = null): Promise<void> {
  const wish = {
    url,
    eventTypes: [eventType],
    timeout: '2s',
    retry: { schedule: ['1s', '1s', '1s', '1s'] },
    rateLimit,
  };
  await stack.client.call('POST', '/v1/endpoints', wish);
}

async function publish(stack: Stack, eventType: string, eventId: string): Promise<void> {
  await stack.client.call('POST', '/v1/messages', { eventType, eventId, payload: {} });
}

/** An event's id makes the repetition of a publish that was not answered harmless. */
async function publishUntilTaken(stack: Stack, eventType: string, eventId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const taken = await publish(stack, eventType, eventId).then(
      () => true,
      () => false,
    );
    if (taken) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

let freeMessages = 0;

/** Publishes one after the other. @returns from publish to receiver, in milliseconds, shortest first */
async function delays(stack: Stack, receiver: LimitReceiver, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const before = receiver.of('free').length;
    const began = performance.now();
    await publish(stack, FREE, `free-${freeMessages++}`);
    while (receiver.of('free').length === before) await sleep(1);
    times.push((receiver.of('free').at(-1)?.at ?? began) - began);
  }
  return times.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number) =>
  round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN, 1);

function mostWithin(arrivals: readonly Arrival[], periodMs: number): number {
  const times = arrivals.map((arrival) => arrival.at).sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, next = 0; next < times.length; next++) {
    while ((times[next] ?? 0) - (times[first] ?? 0) >= periodMs) first++;
    most = Math.max(most, next - first + 1);
  }
  return most;
}

async function killAll(stack: Stack, plan: LimitFaultPlan, signal: AbortSignal): Promise<string[]> {
  const { api, worker, redis, temporal, postgres } = superviseStack(stack, signal);
  const strikes = [[api], [worker], [api, worker], redis === undefined ? [] : [redis], [temporal], [postgres]];
  const names: string[] = [];
  for (const victims of strikes.filter((some) => some.length > 0)) {
    const name = victims.map((victim) => victim.name).join('+');
    await sleep(plan.beforeMs, undefined, { signal });
    progress(`limit: kill -9 of ${name}`);
    await Promise.all(victims.map((victim) => victim.kill()));
    await sleep(plan.downMs, undefined, { signal });
    await Promise.all(victims.map((victim) => victim.start()));
    names.push(name);
  }
  return names;
}

async function untilAll(receiver: LimitReceiver, count: number, plan: LimitFaultPlan, signal: AbortSignal) {
  const until = performance.now() + plan.settleWithinMs;
  const distinct = () => new Set(receiver.of('limited').map(({ id }) => id)).size;
  while (distinct() < count && performance.now() < until) await sleep(LOOK_EVERY_MS, undefined, { signal });
}
