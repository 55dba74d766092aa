/** Delays before the second, third … attempt: exponential by six, five attempts in all, the last about 22 minutes after the first. */
export const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [5_000, 30_000, 180_000, 1_080_000];

/** Every delay varies by this share either way, so that simultaneous failures are not retried simultaneously. */
export const JITTER = 0.2;

/** Due times are rounded up to a grid of this share of the delay, so that what failed together is retried together. */
const GRID_SHARE = 0.1;
const COARSEST_GRID_MS = 30_000;

/** Delays below this stay as they are: they are no load, and somebody wants them exact. */
const SHORT_DELAY_MS = 1_000;

/** The longest `Retry-After` that is honoured. A longer delay in the schedule itself still applies. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * How long to wait before the next attempt.
 *
 * @param delaysMs - the endpoint's schedule
 * @param failures - attempts that have failed in this run of the schedule, at least 1
 * @param random - a number in [0, 1)
 * @param retryAfterMs - what the receiver asked for, if it did: a lower bound on the wait, itself bounded
 * @returns milliseconds, or `undefined` when the schedule is used up
 */
export function nextDelay(
  delaysMs: readonly number[],
  failures: number,
  random: number,
  retryAfterMs?: number,
): number | undefined {
  const delay = delaysMs[failures - 1];
  if (delay === undefined) return undefined;
  const spread = Math.round(delay * (1 - JITTER + 2 * JITTER * random));
  return retryAfterMs === undefined ? spread : Math.max(spread, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}

/**
 * The grid, in milliseconds from the epoch, to whose next line a retry is postponed. Without it the jitter spreads the
 * retries of a batch over as many instants as there are, and each becomes a round of its own.
 *
 * @param delayMs - as {@link nextDelay} gives it
 * @returns undefined for short delays, which are kept exactly
 */
export function gridOf(delayMs: number): number | undefined {
  if (delayMs < SHORT_DELAY_MS) return undefined;
  // A power of two, so that delays which differ by their jitter have the same lines.
  const share = Math.min(delayMs * GRID_SHARE, COARSEST_GRID_MS);
  return 2 ** Math.floor(Math.log2(share));
}
