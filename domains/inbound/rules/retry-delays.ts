/** Ten minutes: also the pause between tries of what is never given up. */
export const LONGEST_DELAY_MS = 600_000;

/** Waits between tries to process an event, in milliseconds: a quarter of an hour in all. */
const DELAYS_MS = [1_000, 5_000, 30_000, 120_000, LONGEST_DELAY_MS];

/** The wait after so many failed tries; `undefined` when it is given up. */
export function retryDelayMs(attempts: number): number | undefined {
  return DELAYS_MS[attempts - 1];
}
