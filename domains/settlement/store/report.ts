import type { Pool } from 'pg';
import { inTransaction, type Queryable, type Statement } from '../../../infra/postgres/pool';
import { REPORT_OPTIONS } from './settlement-records';

/** How long one statement over many rows may take. */
const REPORT_MS = 10 * 60_000;
/** The driver waits longer than Postgres works, so that it is Postgres that says what took too long. */
const ANSWER_SLACK_MS = 5_000;

/**
 * Runs `work` in a transaction whose statements are over many rows, and may each take ten minutes: the pool's limits, of
 * the server and of the driver, are for statements that somebody waits for.
 */
export function inReport<T>(pool: Pool, work: (db: Queryable) => Promise<T>): Promise<T> {
  return inTransaction(
    pool,
    async (client) => {
      await client.query(REPORT_OPTIONS);
      return work(patient(client));
    },
    { statementTimeoutMs: REPORT_MS },
  );
}

/**
 * Reads in index order, as `inIndexOrder` of the ledger does, with the limits of {@link inReport}: a page of an export
 * may sum up all transactions of a large merchant.
 */
export function inExport(pool: Pool): Queryable {
  return {
    query: <R extends object>(statement: Statement) =>
      inTransaction(
        pool,
        async (client) => {
          await client.query('SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off');
          return patient(client).query<R>(statement);
        },
        { statementTimeoutMs: REPORT_MS },
      ),
  };
}

function patient(db: Queryable): Queryable {
  return {
    query: <R extends object>(statement: Statement) =>
      db.query<R>({ query_timeout: REPORT_MS + ANSWER_SLACK_MS, ...statement }),
  };
}
