import { Pool, type PoolClient, type QueryConfig, types } from 'pg';
import type { Logger } from '../log';

// A date is a calendar day, not a moment: it stays text.
types.setTypeParser(types.builtins.DATE, (text) => text);

/**
 * A statement with its parameters; named ones are prepared per connection. `rowMode: 'array'` is cheaper for large
 * answers. `query_timeout` gives up waiting for the answer, and the connection, after so many milliseconds.
 */
export type Statement = QueryConfig & { rowMode?: 'array'; query_timeout?: number };

/** What a statement is sent through: the pool, or one connection inside a transaction. `R` is a row of the answer. */
export interface Queryable {
  query<R extends object>(config: Statement): Promise<{ rows: R[]; rowCount: number | null }>;
}

/**
 * Statements are prepared once per connection, often while tables are small, and keep the plan they got then. A plan
 * that reads a whole table or index was right for that moment and is ruinous a million rows later: with a table of keys
 * that was empty when the plan was made, storing a message took 1.1 ms instead of 0.05 ms. Every query of the hot path
 * looks up a few rows by an index, so only such plans are allowed. Reports over many rows turn the others back on for
 * their transaction.
 */
const PLANNER_OPTIONS = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off';

const LONGEST_STATEMENT_MS = 30_000;

export interface PoolOptions {
  /** Connections at most. */
  max: number;
  /** How long Postgres works on one statement before it is cancelled, in milliseconds. */
  statementTimeoutMs?: number;
}

/** Opens a pool. It reconnects by itself; a broken idle connection is logged, never thrown. */
export function createPool(connectionString: string, options: PoolOptions, log: Logger): Pool {
  const pool = new Pool({
    connectionString,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: options.statementTimeoutMs ?? LONGEST_STATEMENT_MS,
    // Longer than any statement, for servers that vanished without a word.
    query_timeout: LONGEST_STATEMENT_MS + 5_000,
    keepAlive: true,
    application_name: 'waybill',
    options: PLANNER_OPTIONS,
  });
  pool.on('error', (error) => log.warn({ err: error }, 'an idle Postgres connection broke'));
  // One that breaks between the statements of a transaction has nobody to tell: its next statement fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Whether Postgres answers. @throws when it does not */
export async function ping(db: Queryable): Promise<void> {
  await db.query({ text: 'SELECT 1' });
}

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it throws.
 *
 * @param options.statementTimeoutMs - how long its statements may take, where the pool's limit does not fit
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  options: { statementTimeoutMs?: number } = {},
): Promise<T> {
  const { statementTimeoutMs } = options;
  const client = await pool.connect();
  try {
    await client.query(
      statementTimeoutMs === undefined
        ? 'BEGIN'
        : `BEGIN; SET LOCAL statement_timeout = ${Math.round(statementTimeoutMs)}`,
    );
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(
      () => client.release(),
      (broken: Error) => client.release(broken),
    );
    throw error;
  }
}
