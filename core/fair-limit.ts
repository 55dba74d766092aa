import { FairQueue } from './fair-queue';

/** Runs tasks, so many at once at most; the groups that have tasks waiting take turns. */
export interface FairLimit {
  /** @returns what the task returns; rejects as it does */
  run<T>(group: string, task: () => Promise<T>): Promise<T>;
  /** Resolves when nothing runs and nothing waits. */
  drain(): Promise<void>;
}

export function createFairLimit(atOnce: number): FairLimit {
  const waiting = new FairQueue<() => void>();
  const idle: (() => void)[] = [];
  let running = 0;

  /** The place goes to whoever waits, or is free. */
  function leave(): void {
    const enter = waiting.shift();
    if (enter !== undefined) enter();
    else if (--running === 0) for (const resolve of idle.splice(0)) resolve();
  }

  return {
    async run(group, task) {
      if (running < atOnce) running++;
      else await new Promise<void>((resolve) => waiting.push(group, resolve));
      try {
        return await task();
      } finally {
        leave();
      }
    },
    async drain() {
      if (running > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}
