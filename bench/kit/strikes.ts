import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from './progress';
import type { Stack } from './stack';
import { Supervised } from './supervised';

/** The processes of a stack, kept up. */
export interface SupervisedStack {
  api: Supervised;
  worker: Supervised;
  temporal: Supervised;
  postgres: Supervised;
  /** Absent when the stack has none. */
  redis: Supervised | undefined;
}

export function superviseStack({ api, worker, servers }: Stack, signal: AbortSignal): SupervisedStack {
  const supervise = (name: string, target: ConstructorParameters<typeof Supervised>[1]) =>
    new Supervised(name, target, signal);
  return {
    api: supervise('api', api),
    worker: supervise('worker', worker),
    temporal: supervise('temporal', servers.temporal),
    postgres: supervise('postgres', servers.postgres),
    redis: servers.redis === undefined ? undefined : supervise('redis', servers.redis),
  };
}

/** How long each strike's parts take, in milliseconds. */
export interface StrikePlan {
  beforeMs: number;
  downMs: number;
  afterMs: number;
}

/**
 * `kill -9` of the processes that work may be lost with, in turns, alone and together.
 *
 * @param load - what runs meanwhile, for the progress
 * @returns who was killed, such as `api+worker`
 */
export async function strikeInTurns(
  load: string,
  { api, worker, temporal, postgres }: SupervisedStack,
  { beforeMs, downMs, afterMs }: StrikePlan,
  signal: AbortSignal,
): Promise<string[]> {
  const strikes = [[api], [worker], [api, worker], [temporal], [postgres], [worker, postgres]];
  for (const victims of strikes) {
    await sleep(beforeMs, undefined, { signal });
    progress(`${load}: kill -9 of ${victims.map(({ name }) => name).join(' and ')}`);
    await Promise.all(victims.map((victim) => victim.kill()));
    await sleep(downMs, undefined, { signal });
    await Promise.all(victims.map((victim) => victim.start()));
    await sleep(afterMs, undefined, { signal });
  }
  return strikes.map((victims) => victims.map(({ name }) => name).join('+'));
}
