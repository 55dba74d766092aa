import { randomBytes } from 'node:crypto';
import { Client, type Pool } from 'pg';
import pino from 'pino';
import { createPool } from '../../infra/postgres/pool';

/** Made and migrated once a run by `global-setup.ts`; copying it takes a fraction of migrating anew. */
export const TEMPLATE_DATABASE = 'waybill_test_template';

export interface TestDatabase {
  url: string;
  pool: Pool;
  /** Closes the pool and drops the database. */
  drop(): Promise<void>;
}

/** Opens a fresh, migrated database for one test file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `waybill_test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`);
  const url = databaseUrl(name);
  const pool = createPool(url, { max: 10 }, pino({ level: 'silent' }));
  return {
    url,
    pool,
    drop: async () => {
      await pool.end();
      await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** The test server's address with another database name. */
export function databaseUrl(name: string): string {
  const server = process.env.DATABASE_URL;
  if (server === undefined) throw new Error('DATABASE_URL is not set: run the tests with `npm test`');
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs a statement on the server's own database. Retried: two files may copy the template in the same instant. */
export async function administer(statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const client = new Client({ connectionString: databaseUrl('postgres') });
    await client.connect();
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const busy = (error as { code?: string }).code === '55006';
      if (!busy || attempt >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      await client.end();
    }
  }
}
