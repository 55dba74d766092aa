import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { round } from '../kit/statistics';
import { Supervised } from '../kit/supervised';
import { addDeadDeliveries } from './dead-data';
import { countDuplicates } from './follow-up';

/** What is replayed, and what is done to it. Times in milliseconds. */
export interface ReplayFaultPlan {
  /** Dead letters of the calm replay, and of the one under kills. */
  count: number;
  /** Between two kills, and between kill and restart. */
  beforeMs: number;
  downMs: number;
  settleWithinMs: number;
}

export const REPLAY_FAULTS: ReplayFaultPlan = {
  count: 10_000,
  beforeMs: 2_000,
  downMs: 1_500,
  settleWithinMs: 180_000,
};

export interface ReplayFaultReport {
  /** From the request until all dead letters of an endpoint that is healthy again were delivered. */
  count: number;
  secondsToDeliver: number;
  /** The same while processes were killed, in this order. */
  kills: string[];
  secondsUnderKills: number;
  /** Messages that came in, and how many came in again because a process died between request and record. */
  received: number;
  duplicates: number;
  /** What the replay says that it has done; as many as there were, each once. */
  total: number;
  moved: number;
  sound: boolean;
}

interface ReplayAnswer {
  id: string;
  state: string;
  total: number;
  moved: number;
  outcomes: { delivered: number };
}

const CALM_STEP = 1;
const KILL_STEP = 2;
const LOOK_EVERY_MS = 100;
/** So slow that every kill meets it. */
const RATE_UNDER_KILLS = 600;

/** Replays dead letters, first in peace, then while API, worker, Temporal and Postgres are killed. */
export async function runReplayFaults(plan: ReplayFaultPlan, signal: AbortSignal): Promise<ReplayFaultReport> {
  const stack = await startStack({ env: { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_SWEEP_GRACE: '3s' }, signal });
  let keep = true;
  try {
    const wish = { url: stack.receiver.url(0), eventTypes: ['bench.replay'], timeout: '2s' };
    const { id } = (await stack.client.call('POST', '/v1/endpoints', wish)) as { id: string };
    await addDeadDeliveries(stack.pool, id, { step: CALM_STEP, count: plan.count });
    const calm = await untilDelivered(stack, await recover(stack, id), plan, signal);
    progress(`replay: ${plan.count} dead letters delivered after ${calm.seconds} s`);

    await addDeadDeliveries(stack.pool, id, { step: KILL_STEP, count: plan.count });
    const replayId = await recover(stack, id, RATE_UNDER_KILLS);
    const kills = killAll(stack, plan, signal);
    const [killed, names] = await Promise.all([untilDelivered(stack, replayId, plan, signal), kills]);
    const arrivals = (await stack.receiver.arrivals(KILL_STEP))(0);
    const received = await stack.receiver.count(KILL_STEP);
    const { total, moved } = killed.replay;
    const sound = received === plan.count && moved === plan.count && total === plan.count;
    keep = !sound;
    return {
      count: plan.count,
      secondsToDeliver: calm.seconds,
      kills: names,
      secondsUnderKills: killed.seconds,
      received,
      duplicates: countDuplicates([arrivals]),
      total,
      moved,
      sound,
    };
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

async function recover(stack: Stack, endpointId: string, ratePerSecond?: number): Promise<string> {
  const wish = { since: new Date(Date.now() - 7_200_000).toISOString(), ratePerSecond };
  const { id } = (await stack.client.call('POST', `/v1/endpoints/${endpointId}/recover`, wish)) as ReplayAnswer;
  return id;
}

async function untilDelivered(
  stack: Stack,
  id: string,
  { count, settleWithinMs }: ReplayFaultPlan,
  signal: AbortSignal,
): Promise<{ replay: ReplayAnswer; seconds: number }> {
  const began = performance.now();
  for (;;) {
    // Whoever asks is told nothing while API or Postgres is away.
    const replay = (await stack.client.call('GET', `/v1/replays/${id}`).catch(() => undefined)) as
      | ReplayAnswer
      | undefined;
    const seconds = round((performance.now() - began) / 1_000, 1);
    if (replay?.state === 'completed' && replay.outcomes.delivered === count) return { replay, seconds };
    if (performance.now() - began > settleWithinMs) {
      throw new Error(`not delivered after ${seconds} s: ${JSON.stringify(replay)}`);
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

async function killAll(stack: Stack, plan: ReplayFaultPlan, signal: AbortSignal): Promise<string[]> {
  const { temporal, postgres } = stack.servers;
  const victims = [
    new Supervised('worker', stack.worker, signal),
    new Supervised('api', stack.api, signal),
    new Supervised('temporal', temporal, signal),
    new Supervised('postgres', postgres, signal),
  ];
  for (const victim of victims) {
    await sleep(plan.beforeMs, undefined, { signal });
    progress(`replay: kill -9 of ${victim.name}`);
    await victim.kill();
    await sleep(plan.downMs, undefined, { signal });
    await victim.start();
  }
  return victims.map(({ name }) => name);
}
