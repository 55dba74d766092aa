/** What is kept of a lease for recording the result. */
const RECORD_RESERVE_MS = 5_000;

/** How long whoever calls the provider holds the lease: long enough for a look-up, a call and their record. */
export function leaseOf(timeoutMs: number): number {
  return 2 * timeoutMs + 10_000;
}

/**
 * Whether a call may still be made: its answer has to be recorded before the lease ends.
 *
 * @param leaseEndsAt - in milliseconds since the epoch
 */
export function mayCall(leaseEndsAt: number, timeoutMs: number): boolean {
  return Date.now() + timeoutMs + RECORD_RESERVE_MS <= leaseEndsAt;
}
