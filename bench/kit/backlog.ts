import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './clock';
import type { Stack } from './stack';

/** Open deliveries later than this are backlog. */
const LATE_MS = 1_000;
const LOOK_EVERY_MS = 200;

export interface BacklogWatch {
  /** From a moment until nothing was late any more, up to the end; undefined if something still was. */
  clearAfterMs(from: number): number | undefined;
  /** Takes a last look. */
  stop(): Promise<void>;
}

/** Keeps counting late deliveries; a count that fails because Postgres is away means that some are late. */
export function watchBacklog(stack: Stack): BacklogWatch {
  const looks: { at: number; late: number }[] = [];
  let stopped = false;
  const look = async () => {
    const late = await stack.open.lateDeliveries(LATE_MS).catch(() => Number.POSITIVE_INFINITY);
    looks.push({ at: clockMs(), late });
  };
  const watch = async () => {
    for (; !stopped; await sleep(LOOK_EVERY_MS)) await look();
    await look();
  };
  const watching = watch();
  return {
    clearAfterMs: (from) => {
      const clear = looks[looks.findLastIndex(({ late }) => late > 0) + 1];
      return clear === undefined ? undefined : Math.max(0, clear.at - from);
    },
    stop: async () => {
      stopped = true;
      await watching;
    },
  };
}
