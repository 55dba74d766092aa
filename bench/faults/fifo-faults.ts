import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../infra/setup/commands/api-client';
import type { ArrivalsReport } from '../kit/arrivals';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { round } from '../kit/statistics';
import { Supervised } from '../kit/supervised';
import { countDuplicates } from './follow-up';

/** What is published to ordered endpoints, and what is done meanwhile. Times in milliseconds. */
export interface FifoFaultPlan {
  /** Messages in peace, to an ordered endpoint and to one that is not; and those under kills. */
  calm: number;
  count: number;
  /** Share of attempts that fail. */
  failing: number;
  publishers: number;
  /** Between two kills, and between kill and restart. */
  beforeMs: number;
  downMs: number;
  settleWithinMs: number;
}

export const FULL_FIFO_FAULTS: FifoFaultPlan = {
  calm: 5_000,
  count: 10_000,
  failing: 0.02,
  publishers: 8,
  beforeMs: 6_000,
  downMs: 1_500,
  settleWithinMs: 400_000,
};

export const QUICK_FIFO_FAULTS: FifoFaultPlan = { ...FULL_FIFO_FAULTS, calm: 1_000, count: 2_000, beforeMs: 2_500 };

export interface FifoFaultReport {
  /** Deliveries a second of one endpoint in peace, publishing included: so the publishers may be what bounds both. */
  orderedPerSecond: number;
  unorderedPerSecond: number;
  ratio: number;
  count: number;
  kills: string[];
  secondsUnderKills: number;
  /** Acknowledged messages that the receiver never took. */
  lost: number;
  /** Messages that were first taken before one that was committed before them. */
  inversions: number;
  duplicates: number;
  sound: boolean;
}

const TYPE = 'bench.fifo';
const LOOK_EVERY_MS = 100;
const AGAIN_AFTER_MS = 200;
/** So short that failures, not pauses, are what is tried. */
const RETRY = { schedule: Array.from({ length: 15 }, () => '500ms') };
const STEPS = { unordered: 1, ordered: 2, kills: 3 };

/** Publishes to ordered endpoints: in peace, for the throughput, then while API and worker are killed and attempts fail. */
export async function runFifoFaults(plan: FifoFaultPlan, signal: AbortSignal): Promise<FifoFaultReport> {
  const stack = await startStack({ env: { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_SWEEP_GRACE: '3s' }, signal });
  let keep = true;
  try {
    const calm = { ...plan, count: plan.calm };
    const unordered = await published(stack, { ...calm, step: STEPS.unordered, ordering: 'none', failing: 0 }, signal);
    const ordered = await published(stack, { ...calm, step: STEPS.ordered, ordering: 'fifo', failing: 0 }, signal);
    progress(`fifo: ${calm.count} messages in ${ordered.seconds} s ordered, ${unordered.seconds} s unordered`);

    const kills = { names: [] as string[], over: false };
    const killing = killInTurn(stack, plan, kills, signal);
    const killed = await published(stack, { ...plan, step: STEPS.kills, ordering: 'fifo' }, signal).finally(() => {
      kills.over = true;
    });
    await killing;
    const { lost, inversions } = await judgeOrder(stack, killed.endpointId, killed.arrivals, plan.count);
    const sound = lost === 0 && inversions === 0;
    keep = !sound;
    return {
      orderedPerSecond: round(calm.count / ordered.seconds, 0),
      unorderedPerSecond: round(calm.count / unordered.seconds, 0),
      ratio: round(unordered.seconds / ordered.seconds, 2),
      count: plan.count,
      kills: kills.names,
      secondsUnderKills: killed.seconds,
      lost,
      inversions,
      duplicates: countDuplicates([killed.arrivals]),
      sound,
    };
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

interface Publishing extends FifoFaultPlan {
  step: number;
  ordering: 'none' | 'fifo';
}

/** Publishes from several sides at once, each message until it is acknowledged, and waits until all have come in. */
async function published(stack: Stack, plan: Publishing, signal: AbortSignal) {
  const { step, ordering, failing, count, settleWithinMs } = plan;
  const url = stack.receiver.url(step, failing > 0 ? { failing } : {});
  const wish = {
    url,
    eventTypes: [`${TYPE}${step}`],
    ordering,
    retry: RETRY,
    timeout: '2s',
    circuit: { enabled: false },
  };
  const { id: endpointId } = (await stack.client.call('POST', '/v1/endpoints', wish)) as { id: string };
  const began = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: plan.publishers }, async () => {
      for (let n = next++; n < count; n = next++) await publish(stack, step, n, signal);
    }),
  );
  while ((await stack.receiver.count(step)) < count) {
    if (performance.now() - began > settleWithinMs) break;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  const seconds = round((performance.now() - began) / 1_000, 1);
  return { endpointId, seconds, arrivals: (await stack.receiver.arrivals(step))(step) };
}

async function publish(stack: Stack, step: number, sequence: number, signal: AbortSignal): Promise<void> {
  const mark = `${String(step).padStart(4, '0')}-${String(sequence).padStart(8, '0')}`;
  const message = { eventType: `${TYPE}${step}`, eventId: mark, payload: { mark } };
  for (;;) {
    try {
      await stack.client.call('POST', '/v1/messages', message);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.status < 500) throw error;
    }
    await sleep(AGAIN_AFTER_MS, undefined, { signal });
  }
}

async function killInTurn(
  stack: Stack,
  plan: FifoFaultPlan,
  kills: { names: string[]; over: boolean },
  signal: AbortSignal,
): Promise<void> {
  const victims = [new Supervised('api', stack.api, signal), new Supervised('worker', stack.worker, signal)];
  for (let n = 0; !kills.over && n < 2 * victims.length; n++) {
    await sleep(plan.beforeMs, undefined, { signal });
    const victim = victims[n % victims.length];
    if (victim === undefined || kills.over) return;
    progress(`fifo: kill -9 of ${victim.name}`);
    await victim.kill();
    await sleep(plan.downMs, undefined, { signal });
    await victim.start();
    kills.names.push(victim.name);
  }
}

/** Compares the order in which messages were first taken with that of their commits. */
async function judgeOrder(stack: Stack, endpointId: string, arrivals: ArrivalsReport, count: number) {
  const { rows } = await stack.pool.query<{ event_id: string }>(
    `SELECT m.event_id FROM deliveries d JOIN messages m ON m.id = d.message_id
     WHERE 'ep_' || replace(d.endpoint_id::text, '-', '') = $1 ORDER BY d.sequence`,
    [endpointId],
  );
  let latest = 0;
  let inversions = 0;
  let taken = 0;
  for (const { event_id: mark } of rows) {
    const at = arrivals.firstAt[Number(mark.slice(-8))] ?? 0;
    if (at === 0) continue;
    taken++;
    if (at < latest) inversions++;
    latest = Math.max(latest, at);
  }
  return { lost: count - taken, inversions };
}
