export interface OutcomeHoldOptions {
  /** Estimated bytes from which on {@link OutcomeHold.full} asks for no further outcomes. */
  maxBytes?: number;
  /** Longest time that an outcome is held, in milliseconds. */
  maxMs?: number;
  /** The same once the process closes. */
  closingMs?: number;
}

/** Holds what is known and cannot be recorded, because Postgres is away, and tries again. */
export interface OutcomeHold {
  /**
   * Calls `record` until it resolves.
   *
   * @param bytes - what is held meanwhile, estimated
   * @param isLasting - whether an error makes further tries useless
   * @throws the last error, when it is lasting or the time is up
   */
  untilRecorded<T>(bytes: number, record: () => Promise<T>, isLasting: (error: unknown) => boolean): Promise<T>;
  /** Outcomes held, those included that are being recorded for the first time. */
  readonly count: number;
  /** Whether further outcomes would take more memory than they may. */
  readonly full: boolean;
  /** From now on each is given up after a few seconds, so that the process can end while Postgres is away. */
  close(): void;
}

const MAX_BYTES = 64 * 1_048_576;
/** Longer than a failover. Leases end meanwhile, but an outcome counts as long as nobody else has taken the delivery. */
const MAX_MS = 600_000;
const CLOSING_MS = 5_000;

/** Short at first: whoever records first after Postgres is back saves a second request. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

export function createOutcomeHold(options: OutcomeHoldOptions = {}): OutcomeHold {
  const { maxBytes = MAX_BYTES, maxMs = MAX_MS, closingMs = CLOSING_MS } = options;
  let heldBytes = 0;
  let count = 0;
  let closingAtMs = Number.POSITIVE_INFINITY;

  const isTooOld = (sinceMs: number) => {
    const now = performance.now();
    return now - sinceMs >= maxMs || now - Math.max(sinceMs, closingAtMs) >= closingMs;
  };

  return {
    get count() {
      return count;
    },
    get full() {
      return heldBytes >= maxBytes;
    },
    close() {
      closingAtMs = Math.min(closingAtMs, performance.now());
    },
    async untilRecorded(bytes, record, isLasting) {
      const sinceMs = performance.now();
      heldBytes += bytes;
      count++;
      try {
        for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
          try {
            return await record();
          } catch (error) {
            if (isLasting(error) || isTooOld(sinceMs)) throw error;
          }
          // Jitter, so that thousands of outcomes do not ask in step.
          await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
        }
      } finally {
        heldBytes -= bytes;
        count--;
      }
    },
  };
}
