/** The bucket holds what so many seconds bring. */
const BURST_SECONDS = 2;

/**
 * A token bucket of things, such as deliveries, that may have a workflow of their own. Every one takes a token, shared or
 * not, so that under load none is left and all share.
 */
export class OwnWorkflowBudget {
  readonly #burst: number;
  #tokens: number;
  #refilledAt = Date.now();

  /** @param perSecond - how many things may have a workflow of their own each second */
  constructor(private readonly perSecond: number) {
    this.#burst = perSecond * BURST_SECONDS;
    this.#tokens = this.#burst;
  }

  /** Whether no token is left. */
  get spent(): boolean {
    return this.#tokens <= 0;
  }

  /** Adds the tokens that time has brought. @returns how many of the next ones may have their own workflow */
  refill(): number {
    const now = Date.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#refilledAt) / 1000) * this.perSecond);
    this.#refilledAt = now;
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Goes below zero, within a bound: after a burst it takes a while until each has its own workflow again. */
  take(): void {
    this.#tokens = Math.max(-this.#burst, this.#tokens - 1);
  }
}
