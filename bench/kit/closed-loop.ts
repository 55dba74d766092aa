/** What a closed loop has done. */
export interface LoopResult {
  done: number;
  seconds: number;
  /** Of each, in milliseconds. */
  latencies: number[];
}

/** Works through items, so many at a time, and measures each. @throws what the first one throws that fails */
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
