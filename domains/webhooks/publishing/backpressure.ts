import { setTimeout as sleep } from 'node:timers/promises';

/** First attempts that may wait before publishers are slowed down: half a second of work. */
const HIGH_WATER = 2_000;

/** An event loop busier than this has no processor time left. */
const SATURATED = 0.9;

/** How long a commit is held back at most, and how often the backlog is checked meanwhile. */
const MAX_HOLD_MS = 250;
const LOOK_EVERY_MS = 5;

export interface BackpressureOptions {
  /** First attempts that wait for their turn in this process. */
  backlog(): number;
  /** First attempts from which commits are held back, and how long one is held at most, in milliseconds. */
  highWater?: number;
  maxHoldMs?: number;
  /** The share of time since the last call that the event loop was busy, 0 to 1. */
  utilization?(): number;
}

/**
 * Shares a saturated processor between accepting and delivering. Accepting is cheaper, so in a lasting overload
 * messages would be accepted faster than delivered, and those that do not fit in memory would go through the workflow,
 * which costs three times as much. Attempts that wait for slow receivers hold nobody back: they leave the loop idle.
 *
 * @returns a function to await before each commit
 */
export function createBackpressure(options: BackpressureOptions): () => Promise<void> {
  const { backlog, highWater = HIGH_WATER, maxHoldMs = MAX_HOLD_MS, utilization = loopUtilization() } = options;
  return async () => {
    if (backlog() < highWater) return;
    utilization();
    for (let waited = 0; waited < maxHoldMs; waited += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS);
      if (backlog() < highWater || utilization() < SATURATED) return;
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
