import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../core/ids';
import type { Logger } from '../../infra/log';

/**
 * Workflows that one process starts a second: many endpoints may fall behind together, and Temporal has other work. On
 * two cores each costs about 50 ms of processor time, Temporal's and the worker's.
 */
const PER_SECOND = 5;
const PAUSE_MS = 1_000 / PER_SECOND;
const MAX_WAITING = 20_000;

/** A workflow that was told a moment ago need not be told again. */
const TOLD_FOR_MS = 2_000;
/** While an endpoint is attended to, it only has to be made sure now and then that it still is. */
const ATTENDED_FOR_MS = 60_000;

/** An endpoint that a workflow has to attend to: to its backlog, or to its circuit. */
export interface Attended {
  endpointId: PublicId;
  tenantId: PublicId;
}

export interface EndpointWorkflowsDeps {
  /** Starts the workflow of an endpoint, or tells the one that is running that there is more. */
  start(attended: Attended): Promise<void>;
  log: Logger;
}

/** Makes sure that endpoints have their workflows of one kind, a few a second. What is given up is found by the sweep. */
export class EndpointWorkflows {
  readonly #told = new LRUCache<PublicId, true>({ max: MAX_WAITING, ttl: ATTENDED_FOR_MS });
  readonly #waiting = new Map<PublicId, Attended>();
  #running: Promise<void> | undefined;

  constructor(private readonly deps: EndpointWorkflowsDeps) {}

  /** There is something new to attend to. */
  tell(attended: Attended): void {
    const left = this.#told.getRemainingTTL(attended.endpointId);
    if (left > ATTENDED_FOR_MS - TOLD_FOR_MS) return;
    this.#add(attended);
  }

  /** There is more of what its workflow, as far as anybody knows, attends to. */
  ensure(attended: Attended): void {
    if (!this.#told.has(attended.endpointId)) this.#add(attended);
  }

  /** Resolves when every workflow is started or given up. */
  async drain(): Promise<void> {
    await this.#running;
  }

  #add(attended: Attended): void {
    if (this.#waiting.size >= MAX_WAITING) return;
    this.#told.set(attended.endpointId, true);
    this.#waiting.set(attended.endpointId, attended);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (;;) {
      const [attended] = this.#waiting.values();
      if (attended === undefined) return;
      this.#waiting.delete(attended.endpointId);
      const pause = new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        await this.deps.start(attended);
      } catch (error) {
        this.#told.delete(attended.endpointId);
        this.deps.log.warn(
          { err: error, endpointId: attended.endpointId },
          'could not start the workflow of an endpoint',
        );
      }
      if (this.#waiting.size > 0) await pause;
    }
  }
}
