import { setTimeout as sleep } from 'node:timers/promises';

/** First attempts that may wait before publishers are slowed down: half a second of work. */
const HIGH_WATER = 2_000;

/** A loop that is busier than this has no processor time left. */
const SATURATED = 0.9;

/** A commit is held back for so long at most, and the backlog looked at so often. */
const MAX_HOLD_MS = 250;
const LOOK_EVERY_MS = 5;

export interface BackpressureOptions {
  /** First attempts that wait for their turn in this process. */
  backlog(): number;
  /** The share of time since the last call that the event loop was busy, 0 to 1. */
  utilization?(): number;
}

/**
 * Shares a saturated processor between accepting and delivering. Accepting is cheaper, so without this a lasting overload
 * would be accepted faster than it is delivered, and what does not fit in memory takes the way over the workflow, which
 * costs three times as much. Attempts that wait for slow receivers hold nobody back: they leave the loop idle.
 *
 * @returns to be awaited before a commit
 */
export function createBackpressure(options: BackpressureOptions): () => Promise<void> {
  const { backlog, utilization = loopUtilization() } = options;
  return async () => {
    if (backlog() < HIGH_WATER) return;
    utilization();
    for (let waited = 0; waited < MAX_HOLD_MS; waited += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS);
      if (backlog() < HIGH_WATER || utilization() < SATURATED) return;
    }
  };
}

function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
