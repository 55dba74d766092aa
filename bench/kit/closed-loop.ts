/** The result of a closed loop. */
export interface LoopResult {
  done: number;
  seconds: number;
  /** Of each, in milliseconds. */
  latencies: number[];
}

/** Works through items, a fixed number at a time, and times each. @throws the first error */
export async function closedLoop<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<unknown>,
): Promise<LoopResult> {
  const latencies: number[] = [];
  const began = performance.now();
  let next = 0;
  const one = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      const start = performance.now();
      await work(item);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return { done: latencies.length, seconds: (performance.now() - began) / 1_000, latencies };
}
