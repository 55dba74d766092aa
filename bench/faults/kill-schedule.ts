import { between, seededRandom, shuffled } from '../kit/random';

export interface KillScheduleOptions {
  /** The same seed gives the same schedule. */
  seed: number;
  /** Names of the processes, each killed at least once where the time allows. */
  names: readonly string[];
  /** Everything killed is started again by then, in milliseconds. */
  durationMs: number;
  /** Between one kill and the next, shortest and longest, in milliseconds. */
  gapMs: readonly [number, number];
  /** From a kill until the restart, shortest and longest, in milliseconds. */
  downMs: readonly [number, number];
}

/** One kill: when, of what, and how long until it is started again. Milliseconds from the beginning. */
export interface Kill {
  atMs: number;
  name: string;
  downMs: number;
}

/**
 * Which process is killed when: at random, but the same for the same seed. Several may be down at the same time, one of
 * them only once. Every round kills each process once, in another order, so that none is left out.
 */
export function killSchedule(options: KillScheduleOptions): Kill[] {
  const { seed, names, durationMs, gapMs, downMs } = options;
  const random = seededRandom(seed);
  const kills: Kill[] = [];
  const upAt = new Map<string, number>();
  let round: string[] = [];
  for (let atMs = between(random, ...gapMs); ; atMs += between(random, ...gapMs)) {
    if (round.length === 0) round = shuffled(random, names);
    const name = round.find((each) => (upAt.get(each) ?? 0) <= atMs);
    const down = between(random, ...downMs);
    if (atMs + down > durationMs) return kills;
    if (name === undefined) continue;
    round.splice(round.indexOf(name), 1);
    upAt.set(name, atMs + down);
    kills.push({ atMs: Math.round(atMs), name, downMs: Math.round(down) });
  }
}

/** A seed for a run that names none. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
