import type { PublicId } from '../../../core/ids';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { LANES } from '../rules/lane';
import { MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import type { Cover } from '../start';
import type { StoredDelivery } from '../store/publish';

/** The server may be half a second late with a delayed start; the workflow's first round waits for what is due then. */
const AHEAD_MS = 700;

/** The deliveries of one workflow that is not started yet, while their first attempts are made. */
export class OpenCover {
  /** When each delivery that has not ended is due, in milliseconds since the epoch. */
  readonly #open = new Map<PublicId, number>();
  readonly #ended: Record<string, number> = {};
  readonly #tenantIds = new Set<PublicId>();
  readonly #endpointIds = new Set<PublicId>();
  /** The number of the most urgent lane of its deliveries. */
  #lane: number = LANES.length - 1;

  constructor(private readonly workflowId: string) {}

  /** Deliveries that the workflow would have to look after if it were started now. */
  get open(): number {
    return this.#open.size;
  }

  /** When the first of them is due, in milliseconds since the epoch; infinite when none is open. */
  get dueAt(): number {
    let dueAt = Number.POSITIVE_INFINITY;
    for (const at of this.#open.values()) dueAt = Math.min(dueAt, at);
    return dueAt;
  }

  /** @param dueAt - when it is due for the workflow, unless its first attempt ends before */
  add(tenantId: PublicId, delivery: StoredDelivery, dueAt: number): void {
    this.#open.set(delivery.id, dueAt);
    this.#lane = Math.min(this.#lane, LANES.indexOf(delivery.lane));
    this.#tenantIds.add(tenantId);
    this.#endpointIds.add(delivery.endpointId);
  }

  /** Takes the end of a delivery's first attempt. */
  end(deliveryId: PublicId, end: AttemptEnd): void {
    if (!this.#open.has(deliveryId)) return;
    switch (end.state) {
      case 'delivered':
      case 'dead':
      case 'moved':
      case 'held':
        this.#open.delete(deliveryId);
        this.#ended[end.state] = (this.#ended[end.state] ?? 0) + 1;
        return;
      case 'retrying':
        if (end.nextAttemptAt !== undefined) this.#open.set(deliveryId, end.nextAttemptAt.getTime());
        return;
      case 'declined':
        this.#open.set(deliveryId, Date.now());
    }
  }

  /** The workflows to start: one, or several when more deliveries are open than one may hold. */
  close(): Cover[] {
    const { dueAt } = this;
    const open = [...this.#open.keys()];
    const common = {
      tenantIds: [...this.#tenantIds],
      endpointIds: [...this.#endpointIds],
      lane: LANES[this.#lane] ?? 'normal',
      startDelayMs: Number.isFinite(dueAt) ? Math.max(0, dueAt - Date.now() - AHEAD_MS) : 0,
    };
    const covers: Cover[] = [
      {
        ...common,
        workflowId: this.workflowId,
        open: open.slice(0, MAX_DELIVERIES_PER_WORKFLOW),
        ended: { ...this.#ended },
      },
    ];
    // Rare: that many first attempts have failed or are still under way.
    for (let from = MAX_DELIVERIES_PER_WORKFLOW; from < open.length; from += MAX_DELIVERIES_PER_WORKFLOW) {
      covers.push({
        ...common,
        workflowId: `${this.workflowId}.from_${from}`,
        open: open.slice(from, from + MAX_DELIVERIES_PER_WORKFLOW),
        ended: {},
        takesOver: true,
      });
    }
    return covers;
  }
}
