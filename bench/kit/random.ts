/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * Mulberry32: the same seed gives the same numbers on every machine, so that a run can be repeated. Not for secrets.
 *
 * @param seed - a whole number; its lower 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number from `low` up to, but not including, `high`. */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** The items in random order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
