import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { Backlog } from '../store/backlog';

/**
 * Workflows that one process starts a second: many endpoints may fall behind together, and Temporal has other work. On
 * two cores each costs about 50 ms of processor time, Temporal's and the worker's.
 */
const PER_SECOND = 5;
const PAUSE_MS = 1_000 / PER_SECOND;
const MAX_WAITING = 20_000;

/** A backlog's workflow that was told a moment ago need not be told again. */
const TOLD_FOR_MS = 2_000;
/** While a backlog is attended to, it only has to be made sure now and then that it still is. */
const ATTENDED_FOR_MS = 60_000;

export interface BacklogStarterDeps {
  /** Starts the workflow of a backlog, or tells the one that is running that there is more. */
  start(backlog: Backlog): Promise<void>;
  log: Logger;
}

/** Makes sure that backlogs have their workflows, a few a second. What is given up is found by the sweep. */
export class BacklogStarter {
  readonly #told = new LRUCache<PublicId, true>({ max: MAX_WAITING, ttl: ATTENDED_FOR_MS });
  readonly #waiting = new Map<PublicId, Backlog>();
  #running: Promise<void> | undefined;

  constructor(private readonly deps: BacklogStarterDeps) {}

  /** Deliveries were moved to a backlog. */
  moved(backlog: Backlog): void {
    const left = this.#told.getRemainingTTL(backlog.endpointId);
    if (left > ATTENDED_FOR_MS - TOLD_FOR_MS) return;
    this.#add(backlog);
  }

  /** A new delivery was put into a backlog that has its workflow, as far as anybody knows. */
  joined(backlog: Backlog): void {
    if (!this.#told.has(backlog.endpointId)) this.#add(backlog);
  }

  /** Resolves when every workflow is started or given up. */
  async drain(): Promise<void> {
    await this.#running;
  }

  #add(backlog: Backlog): void {
    if (this.#waiting.size >= MAX_WAITING) return;
    this.#told.set(backlog.endpointId, true);
    this.#waiting.set(backlog.endpointId, backlog);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (;;) {
      const [backlog] = this.#waiting.values();
      if (backlog === undefined) return;
      this.#waiting.delete(backlog.endpointId);
      const pause = new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        await this.deps.start(backlog);
      } catch (error) {
        this.#told.delete(backlog.endpointId);
        this.deps.log.warn(
          { err: error, endpointId: backlog.endpointId },
          'could not start the workflow of an endpoint',
        );
      }
      if (this.#waiting.size > 0) await pause;
    }
  }
}
