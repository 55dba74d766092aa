import type { Queryable } from './pool';

/** A list that can be followed while others write to it. */
export interface FollowedList {
  /** As the migration numbers it. */
  number: number;
  /** How old an id may be, in milliseconds, when its row is written. What is younger is not shown to who follows. */
  settleMs: number;
}

/** Messages and their deliveries, which are written together. A message with an older id gets a new one. */
export const MESSAGES_LIST: FollowedList = { number: 1, settleMs: 5_000 };
/** Nobody checks the ages of these, so there is more room. */
const SETTLE_MS = 10_000;
export const DEAD_LETTERS_LIST: FollowedList = { number: 2, settleMs: SETTLE_MS };
export const PAYMENTS_LIST: FollowedList = { number: 3, settleMs: SETTLE_MS };
export const CHARGEBACKS_LIST: FollowedList = { number: 4, settleMs: SETTLE_MS };

/** SQLSTATE of a write whose ids are too old. */
export const TOO_OLD = 'WB001';

/**
 * The moment, in milliseconds since the epoch, before which nothing more will be written to a list: a later statement sees
 * every row with an id from before it. `now()` is read before the locks, so a writer whose lock was not there yet has
 * looked at the clock later and found its ids young enough.
 */
export async function settledBefore(db: Queryable, { number, settleMs }: FollowedList): Promise<number> {
  const { rows } = await db.query<{ settled: string }>({
    name: 'settled-before',
    text: `SELECT least(floor(extract(epoch FROM now()) * 1000)::bigint - $2::int, (
             SELECT min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) FROM pg_locks l
             WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = $1::int AND l.granted
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))::text AS settled`,
    values: [number, settleMs],
  });
  return Number(rows[0]?.settled);
}

/** The database's clock, in milliseconds since the epoch. */
export async function databaseClock(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ now: number }>({
    text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
  });
  return rows[0]?.now ?? Date.now();
}
