import { databaseClock } from './followed-lists';
import type { Queryable } from './pool';

const LEARNT_FOR_MS = 60_000;
/** Less than this harms nobody. */
const NEAR_MS = 1_000;

/** Tells the time of the database to a process whose own clock may be wrong. */
export interface DatabaseClock {
  /**
   * Milliseconds since the epoch by the database's clock, from what was learnt of it within the last minute; `undefined` while
   * the process' own is near enough.
   *
   * @param db - asked once a minute; may be a transaction
   */
  unlessNear(db: Queryable): Promise<number | undefined>;
}

/** @param steady - a clock in milliseconds that never goes back */
export function createDatabaseClock(steady: () => number = () => performance.now()): DatabaseClock {
  let aheadMs = 0;
  let learntAt = Number.NEGATIVE_INFINITY;
  return {
    async unlessNear(db) {
      if (steady() - learntAt > LEARNT_FOR_MS) {
        aheadMs = (await databaseClock(db)) - Date.now();
        learntAt = steady();
      }
      return Math.abs(aheadMs) < NEAR_MS ? undefined : Date.now() + aheadMs;
    },
  };
}
