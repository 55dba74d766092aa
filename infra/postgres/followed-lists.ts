import type { Queryable } from './pool';

/** A list that can be followed while others write to it. */
export interface FollowedList {
  /** As the migration numbers it. */
  number: number;
  /** How old a row's key may be, in milliseconds, when it is written. What is younger is not shown to who follows. */
  settleMs: number;
}

/** Messages and their deliveries, which are written together. A message with an older id gets a new one. */
export const MESSAGES_LIST: FollowedList = { number: 1, settleMs: 5_000 };
/** Rows of the others get their places from the database in the statement that writes them; see `takes_places`. */
const SETTLE_MS = 1_000;
export const DEAD_LETTERS_LIST: FollowedList = { number: 2, settleMs: SETTLE_MS };
export const PAYMENTS_LIST: FollowedList = { number: 3, settleMs: SETTLE_MS };
export const CHARGEBACKS_LIST: FollowedList = { number: 4, settleMs: SETTLE_MS };
export const ORDERS_LIST: FollowedList = { number: 5, settleMs: SETTLE_MS };
export const REFUNDS_LIST: FollowedList = { number: 6, settleMs: SETTLE_MS };
export const WALLETS_LIST: FollowedList = { number: 7, settleMs: SETTLE_MS };
export const APPROVALS_LIST: FollowedList = { number: 8, settleMs: SETTLE_MS };
export const LEDGER_TRANSACTIONS_LIST: FollowedList = { number: 9, settleMs: SETTLE_MS };
export const PAYOUTS_LIST: FollowedList = { number: 10, settleMs: SETTLE_MS };
export const RECONCILIATIONS_LIST: FollowedList = { number: 11, settleMs: SETTLE_MS };

/** SQLSTATE of a write whose ids are too old. */
export const TOO_OLD = 'WB001';

/**
 * The moment, in milliseconds since the epoch, before which nothing more will be written to a list: a later statement sees
 * every row with a key from before it. `now()` is read before the locks, so a writer whose lock was not there yet has
 * looked at the clock later and found its keys young enough.
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
