import type { Pool } from 'pg';
import type { Logger } from '../../infra/log';
import { type IdempotencyHold, renewIdempotencyKeys } from './store/idempotency';

/** A hold is renewed this often in its time. */
const RENEWALS_PER_LOCK = 5;
/** But not for ever, in case the execution hangs. */
const MAX_RENEWED_MS = 300_000;

/** Keeps a process's holds alive: all of them by one statement, and only those that have lasted a while. */
export interface Renewals {
  /** @returns ends it */
  keep(hold: IdempotencyHold, log: Logger): () => void;
}

interface Kept {
  hold: IdempotencyHold;
  since: number;
  log: Logger;
}

/** @param options - `lockMs`: how long a hold lasts unless it is renewed, in milliseconds */
export function createRenewals({ pool, lockMs }: { pool: Pool; lockMs: number }): Renewals {
  const everyMs = renewEveryMs(lockMs);
  const kept = new Set<Kept>();
  let timer: NodeJS.Timeout | undefined;
  let renewing = false;

  async function renew(): Promise<void> {
    const now = performance.now();
    const due = [...kept].filter(({ since }) => now - since >= everyMs / 2 && now - since < MAX_RENEWED_MS);
    if (renewing || due.length === 0) return;
    renewing = true;
    try {
      await renewIdempotencyKeys(
        pool,
        due.map(({ hold }) => hold),
        lockMs,
      );
    } catch (error) {
      due[0]?.log.warn({ err: error, holds: due.length }, 'the locks of requests could not be renewed');
    } finally {
      renewing = false;
    }
  }

  function tick(): void {
    if (kept.size > 0) void renew();
    else {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    keep(hold, log) {
      const entry = { hold, since: performance.now(), log };
      kept.add(entry);
      timer ??= setInterval(tick, everyMs).unref();
      return () => kept.delete(entry);
    },
  };
}

/** For how long a hold may not have been renewed although its execution lives, and that only because of the interval. */
export function renewedWithinMs(lockMs: number): number {
  return 1.5 * renewEveryMs(lockMs);
}

function renewEveryMs(lockMs: number): number {
  return lockMs / RENEWALS_PER_LOCK;
}
