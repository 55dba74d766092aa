import type { Pool } from 'pg';
import { inTransaction, type Queryable, type Statement } from '../../../infra/postgres/pool';

/**
 * Reads in index order, never by sorting, each statement in a transaction of its own. Just after a large day is settled
 * the planner has no statistics on its rows, assumes few, and sorts all that are left for every page: measured with
 * 100,000 transactions, a page took 570 ms that way and takes 14 ms this way, and the total grew with the square of the
 * day.
 */
export function inIndexOrder(pool: Pool): Queryable {
  return {
    query: <R extends object>(statement: Statement) =>
      inTransaction(pool, async (client) => {
        await client.query('SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off');
        const connection: Queryable = client;
        return connection.query<R>(statement);
      }),
  };
}
