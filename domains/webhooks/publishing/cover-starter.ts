import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import { withTimeout } from '../../../core/timeout';
import type { Logger } from '../../../infra/log';
import type { WebhookMetrics } from '../metrics';
import { deliveryWorkflowId } from '../rules/workflow-names';
import type { Cover } from '../start';

/** Most starts under way at once, and most covers waiting; the sweep finds those that are given up. */
const STARTS_IN_FLIGHT = 8;
const MAX_WAITING = 5_000;

const START_TIMEOUT_MS = 10_000;
const START_TRIES = 6;
const START_PAUSE_MS = 500;

export interface CoverStarterDeps {
  /** Starts a cover's workflow, unless there ever was one with its id. @returns false when there was */
  start(cover: Cover): Promise<boolean>;
  /** Gives deliveries to another workflow. @returns those that have not ended and are in no backlog */
  takeOver(deliveryIds: readonly PublicId[], workflowId: string): Promise<PublicId[]>;
  metrics: Pick<WebhookMetrics, 'coversWaiting' | 'coverFailures'>;
  log: Logger;
}

/** Starts the workflows of covers, a few at a time, and retries failed starts. */
export class CoverStarter {
  readonly #waiting: Cover[] = [];
  #starting = 0;
  readonly #idle: (() => void)[] = [];

  constructor(private readonly deps: CoverStarterDeps) {}

  /** Queues the covers of one batch, or gives them up when too many are waiting. */
  add(covers: readonly Cover[]): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.deps.metrics.coverFailures.inc();
      return;
    }
    this.#waiting.push(...covers);
    this.#pump();
  }

  /** Resolves when every cover is started or given up. */
  async drain(): Promise<void> {
    if (this.#starting === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(): void {
    while (this.#starting < STARTS_IN_FLIGHT) {
      const cover = this.#waiting.shift();
      if (cover === undefined) break;
      this.#starting++;
      void this.#start(cover).finally(() => {
        this.#starting--;
        this.#pump();
      });
    }
    this.deps.metrics.coversWaiting.set(this.#waiting.length + this.#starting);
    if (this.#starting === 0 && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #start(given: Cover): Promise<void> {
    let cover = given;
    const { start, metrics, log } = this.deps;
    for (let tries = 1; tries <= START_TRIES; tries++) {
      try {
        if (cover.takesOver === true) {
          const open = await this.deps.takeOver(cover.open, cover.workflowId);
          if (open.length === 0) return;
          cover = { ...cover, open };
        }
        const started = await withTimeout(start(cover), START_TIMEOUT_MS);
        // After a failed try, the workflow that exists may be this cover's own.
        if (!started && tries === 1) await this.#startLate(cover);
        return;
      } catch (error) {
        metrics.coverFailures.inc();
        log.warn({ err: error, workflowId: cover.workflowId, tries }, 'could not start a covering workflow');
        await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS * tries));
      }
    }
  }

  /**
   * The workflow existed already: another commit put deliveries under its id after it had started, of which it does not
   * know. Those that are still open get a workflow of their own. A workflow for one delivery alone was started by a
   * command for this delivery, and knows it.
   */
  async #startLate(cover: Cover): Promise<void> {
    if (cover.open.some((id) => cover.workflowId === deliveryWorkflowId(id))) return;
    const workflowId = `${cover.workflowId}.late_${randomUUID().slice(0, 8)}`;
    await this.#start({ ...cover, workflowId, takesOver: true });
  }
}
