import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../kit/clock';
import { progress } from '../kit/progress';
import type { Supervised } from '../kit/supervised';
import { type FaultDeps, type FaultPlan, type Strike, underLoad } from './fault';
import type { Evidence } from './judgement';
import { type Kill, killSchedule } from './kill-schedule';

export interface RandomPlan extends FaultPlan {
  /** From the first to the last: kills and restarts, in milliseconds. */
  durationMs: number;
  gapMs: readonly [number, number];
}

/** From a kill until the restart, shortest and longest, in milliseconds. */
const DOWN_MS = [200, 4_000] as const;

/** Kills processes at random under load, each started again a moment later, and waits until every delivery has ended. */
export async function runRandomKills(
  deps: FaultDeps,
  victims: readonly Supervised[],
  plan: RandomPlan,
  seed: number,
): Promise<{ evidence: Evidence; kills: Kill[] }> {
  const names = victims.map(({ name }) => name);
  const kills = killSchedule({ seed, names, durationMs: plan.durationMs, gapMs: plan.gapMs, downMs: DOWN_MS });
  progress(`random: ${kills.length} kills in ${plan.durationMs / 1_000} s; --random ${seed} repeats them`);
  const evidence = await underLoad(deps, 'random', plan, () => strikeAll(deps, victims, kills, plan));
  return { evidence, kills };
}

async function strikeAll(
  { signal }: FaultDeps,
  victims: readonly Supervised[],
  kills: readonly Kill[],
  plan: RandomPlan,
): Promise<Strike> {
  const beganAt = clockMs();
  const pause = (ms: number) => sleep(Math.max(0, ms), undefined, { signal });
  // Each kill waits for its moment, and stops waiting when the run is interrupted.
  setMaxListeners(2 * kills.length + 10, signal);
  const strikes = kills.map(async ({ atMs, name, downMs }) => {
    const victim = victims.find((each) => each.name === name);
    await pause(beganAt + atMs - clockMs());
    progress(`random: kill -9 of ${name} for ${downMs} ms`);
    await victim?.kill();
    await pause(beganAt + atMs + downMs - clockMs());
    // Not awaited here: while it starts, which may need another that is away, the next may be killed, or itself again.
    return victim?.start();
  });
  // One that has failed is thrown below, when the others have ended too.
  const ended = Promise.allSettled(strikes);
  await pause(plan.durationMs);
  const [restartedAt, restartedDate] = [clockMs(), Date.now()];
  for (const result of await ended) if (result.status === 'rejected') throw result.reason;
  await pause(plan.afterMs);
  return { goneDate: undefined, restartedAt, restartedDate };
}
