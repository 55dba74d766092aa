/**
 * Workflows for single deliveries that may be started a second, and at once. A dev server carries about 25 to 45
 * workflows with one activity a second on two cores, so this leaves room for retries.
 */
const PER_SECOND = 10;
const BURST = 20;

/**
 * Says how many deliveries may have a workflow of their own, as a token bucket. Every delivery takes a token, shared or
 * not, so that under load none is left and all share.
 */
export class OwnWorkflowBudget {
  #tokens = BURST;
  #refilledAt = Date.now();

  /** Whether no token is left. */
  get spent(): boolean {
    return this.#tokens <= 0;
  }

  /** Fills up with what time has brought. @returns workflows that the next deliveries may have, whole ones */
  refill(): number {
    const now = Date.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilledAt) / 1000) * PER_SECOND);
    this.#refilledAt = now;
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Goes below zero, though not without bound: after a burst it takes a while until deliveries have their own again. */
  take(): void {
    this.#tokens = Math.max(-BURST, this.#tokens - 1);
  }
}
