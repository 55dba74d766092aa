import type { ClientBase, Pool } from 'pg';

/** Runs a statement with the tables' rules off, as somebody would who has the database to themselves. */
export async function tamperWith(pool: Pool, sql: string, values: readonly unknown[] = []): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SET session_replication_role = replica');
    await client.query(sql, [...values]);
  } finally {
    await client.query('SET session_replication_role = origin');
    client.release();
  }
}

/** As {@link tamperWith}, but undone after `look`, which sees it by the pool that it is given. */
export async function whileTampered<T>(pool: Pool, sql: string, look: (pool: Pool) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN; SET LOCAL session_replication_role = replica');
    const { rowCount } = await client.query(sql);
    if (rowCount === 0) throw new Error(`nothing was changed by ${sql}`);
    return await look(inside(client));
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

/** A pool whose only connection is in a transaction already, so that it sees what that has changed. */
export function inside(client: ClientBase): Pool {
  const query = async (statement: string | { text: string }, values?: unknown[]) =>
    typeof statement === 'string' && /^(BEGIN|COMMIT|ROLLBACK)/.test(statement)
      ? undefined
      : client.query(typeof statement === 'string' ? statement : { ...statement }, values);
  return { connect: async () => ({ query, release: () => undefined }) } as unknown as Pool;
}
