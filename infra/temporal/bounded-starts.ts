import { createFairLimit } from '../../core/fair-limit';
import { withTimeout } from '../../core/timeout';
import type { Logger } from '../log';

const AT_ONCE = 8;
const MAX_WAITING = 1_000;
const TIMEOUT_MS = 10_000;

/** Starts workflows, a few at a time; what is given up is for a sweep to find. */
export interface BoundedStarts {
  /** Starts one in its turn, or gives it up when too many wait. */
  start(workflowId: string, begin: () => Promise<unknown>): void;
  /** Resolves when every one is started or given up. */
  drain(): Promise<void>;
}

export function createBoundedStarts(log: Logger): BoundedStarts {
  const limit = createFairLimit(AT_ONCE);
  let waiting = 0;
  return {
    start(workflowId, begin) {
      if (waiting >= MAX_WAITING) return;
      waiting++;
      void limit
        .run('', () => withTimeout(begin(), TIMEOUT_MS))
        .catch((error: unknown) => log.warn({ err: error, workflowId }, 'a workflow is left to the sweep'))
        .finally(() => {
          waiting--;
        });
    },
    drain: () => limit.drain(),
  };
}
