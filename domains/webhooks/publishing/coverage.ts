import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import { OwnWorkflowBudget } from '../../../core/own-workflow-budget';
import type { WebhooksConfig } from '../config';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { batchWorkflowId, deliveryWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import type { StoredDelivery } from '../store/publish';
import type { CoverStarter } from './cover-starter';
import { OpenCover } from './open-cover';

/**
 * Most deliveries that share a workflow id. Those whose first attempt was made in time are only counted, so many fit; a
 * workflow that makes the first attempts must list every one.
 */
const SHARED_BY_COUNTED = 10 * MAX_DELIVERIES_PER_WORKFLOW;

/**
 * How much later, under load, covers start whose deliveries still wait for their first attempt: by then most of these
 * have ended, and the workflow has nothing to do.
 */
const RIPEN_MS = 1_000;

/** A cover starts this long before something is due in any case, so that its first retry is not late. */
const START_AHEAD_MS = 1_000;

/** The workflow ids that the next commit gives its deliveries. */
export interface CoverPlan {
  /** How many get a workflow of their own; the others share. */
  ownWorkflows: number;
  /** The shared workflows' id, without its part number. */
  sharedWorkflow: string;
  /** Deliveries that the shared workflow holds already. */
  sharedOffset: number;
  /** Most deliveries in one shared workflow. */
  sharedSize: number;
}

/** What the commits of one slot gather. */
class Slot {
  shared = newShared();
  offset = 0;
  timer: NodeJS.Timeout | undefined;
  /** Whether a commit is under way that may still add to what is gathered. */
  committing = false;
  /** Whether the time to gather is over. */
  due = false;
  covers = new Map<string, OpenCover>();
}

export interface CoverageDeps {
  starter: Pick<CoverStarter, 'add' | 'drain'>;
  config: Pick<WebhooksConfig, 'WAYBILL_FIRST_ATTEMPT' | 'WAYBILL_COVER_LINGER' | 'WAYBILL_COVER_LINGER_MAX'>;
  ownWorkflowsPerSecond: number;
}

/**
 * Gives every accepted delivery a workflow. At low load each has its own, with its own page in Web UI; under load those
 * accepted close together share one. A cover is started a moment later, so that deliveries whose first attempt succeeds
 * meanwhile are only counted: the workflow is told what is still open.
 */
export class Coverage {
  readonly #slots = new Map<number, Slot>();
  readonly #ripening = new Map<OpenCover, NodeJS.Timeout>();
  readonly #budget: OwnWorkflowBudget;
  readonly #sharedSize: number;

  constructor(private readonly deps: CoverageDeps) {
    this.#budget = new OwnWorkflowBudget(deps.ownWorkflowsPerSecond);
    const attemptedHere = deps.config.WAYBILL_FIRST_ATTEMPT === 'api';
    this.#sharedSize = attemptedHere ? SHARED_BY_COUNTED : MAX_DELIVERIES_PER_WORKFLOW;
  }

  /** Called before a commit. Commits with the same slot never overlap. */
  plan(index: number): CoverPlan {
    const slot = this.#slot(index);
    if (slot.offset >= this.#sharedSize) this.#close(slot);
    slot.committing = true;
    return {
      ownWorkflows: this.#budget.refill(),
      sharedWorkflow: slot.shared,
      sharedOffset: slot.offset,
      sharedSize: this.#sharedSize,
    };
  }

  /** Called when the commit is over, even if it failed. */
  committed(index: number): void {
    const slot = this.#slot(index);
    slot.committing = false;
    if (slot.due) this.#close(slot);
  }

  /**
   * Called for every delivery of a commit.
   *
   * @param dueInMs - milliseconds until it is due for the workflow, unless its first attempt ends before
   * @returns a function that takes the end of the first attempt
   */
  add(index: number, tenantId: PublicId, delivery: StoredDelivery, dueInMs: number): (end: AttemptEnd) => void {
    const slot = this.#slot(index);
    const cover = coverOf(slot, delivery.workflowId);
    this.#budget.take();
    if (delivery.workflowId !== deliveryWorkflowId(delivery.id)) slot.offset++;
    cover.add(tenantId, delivery, Date.now() + dueInMs);
    slot.timer ??= setTimeout(() => this.#closeWhenCommitted(slot), this.#lingerMs());
    return (end) => cover.end(delivery.id, end);
  }

  /** Starts what is gathered, and resolves when it is started or given up. */
  async flush(): Promise<void> {
    for (const slot of this.#slots.values()) this.#close(slot);
    for (const cover of [...this.#ripening.keys()]) this.#start(cover);
    await this.deps.starter.drain();
  }

  #slot(index: number): Slot {
    let slot = this.#slots.get(index);
    if (slot === undefined) {
      slot = new Slot();
      this.#slots.set(index, slot);
    }
    return slot;
  }

  /** Short while the budget lasts. After that most share, and the longer they gather, the fewer workflows there are. */
  #lingerMs(): number {
    const { config } = this.deps;
    return this.#budget.spent ? config.WAYBILL_COVER_LINGER_MAX : config.WAYBILL_COVER_LINGER;
  }

  /** Waits for a commit under way: what it stores under the same workflow id would come too late. */
  #closeWhenCommitted(slot: Slot): void {
    if (slot.committing) slot.due = true;
    else this.#close(slot);
  }

  #close(slot: Slot): void {
    clearTimeout(slot.timer);
    slot.timer = undefined;
    slot.due = false;
    for (const cover of slot.covers.values()) {
      const ripenMs = Math.min(RIPEN_MS, cover.dueAt - Date.now() - START_AHEAD_MS);
      if (cover.open <= 1 || ripenMs <= 0) this.#start(cover);
      else {
        const timer = setTimeout(() => this.#start(cover), ripenMs);
        this.#ripening.set(cover, timer);
      }
    }
    slot.covers = new Map();
    slot.shared = newShared();
    slot.offset = 0;
  }

  #start(cover: OpenCover): void {
    clearTimeout(this.#ripening.get(cover));
    this.#ripening.delete(cover);
    this.deps.starter.add(cover.close());
  }
}

function coverOf(slot: Slot, workflowId: string): OpenCover {
  let cover = slot.covers.get(workflowId);
  if (cover === undefined) {
    cover = new OpenCover(workflowId);
    slot.covers.set(workflowId, cover);
  }
  return cover;
}

function newShared(): string {
  return batchWorkflowId(randomUUID().replaceAll('-', ''));
}
