/**
 * How many workflows for single things may start a second, and at once. On two cores a dev server carries about 25
 * to 45 workflows with one activity a second, so this leaves room for retries.
 */
const PER_SECOND = 10;
const BURST = 20;

/**
 * A token bucket of things, such as deliveries, that may have a workflow of their own. Every one takes a token, shared or
 * not, so that under load none is left and all share.
 */
export class OwnWorkflowBudget {
  #tokens = BURST;
  #refilledAt = Date.now();

  /** Whether no token is left. */
  get spent(): boolean {
    return this.#tokens <= 0;
  }

  /** Adds the tokens that time has brought. @returns how many of the next ones may have their own workflow */
  refill(): number {
    const now = Date.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilledAt) / 1000) * PER_SECOND);
    this.#refilledAt = now;
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Goes below zero, within a bound: after a burst it takes a while until each has its own workflow again. */
  take(): void {
    this.#tokens = Math.max(-BURST, this.#tokens - 1);
  }
}
