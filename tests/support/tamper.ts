import type { Pool } from 'pg';

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
