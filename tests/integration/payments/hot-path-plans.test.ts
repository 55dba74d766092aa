import { randomUUID } from 'node:crypto';
import type { Pool, QueryConfig } from 'pg';
import pino from 'pino';
import { newId, toUuid } from '../../../core/ids';
import { acceptPayments, findByRequestKey } from '../../../domains/payments/store/accept-payments';
import { createPool, type Queryable } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';

// A young installation: one tenant, few rows. Any index on the tenant looks as good as the right one then, and a prepared
// statement keeps its plan while the table grows a thousandfold.
const ROWS = 40;

const tenantId = newId('ten');
let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url, { max: 1 }, pino({ level: 'silent' }));
  await pool.query('SET session_replication_role = replica');
  const [tenant, merchant] = [toUuid(tenantId), toUuid(newId('mer'))];
  await pool.query(
    `WITH o AS (
       INSERT INTO orders (id, tenant_id, merchant_id, amount, currency, state)
       SELECT gen_random_uuid(), $1, $2, 100, 'EUR', 'created' FROM generate_series(1, $3) RETURNING *
     )
     INSERT INTO payments (id, tenant_id, order_id, merchant_id, amount, currency, card_token, state, workflow_id, request_key)
     SELECT gen_random_uuid(), tenant_id, id, merchant_id, amount, currency, 'tok', 'declined', 'w', gen_random_uuid() FROM o`,
    [tenant, merchant, ROWS],
  );
  await pool.query('ANALYZE');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The plan without an index. What it would read instead, it may read with it as well when statistics are unlucky. */
async function planWithout(index: string, run: (db: Queryable) => Promise<unknown>): Promise<string> {
  let plan = '';
  const db = {
    query: async ({ text, values = [] }: QueryConfig) => {
      await pool.query('BEGIN');
      await pool.query(`DROP INDEX ${index}`);
      const { rows } = await pool.query({ text: `EXPLAIN ${text}`, values });
      await pool.query('ROLLBACK');
      plan += rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
      return { rows: [], rowCount: 0 };
    },
  };
  await run(db).catch(() => undefined);
  return plan;
}

test.each<[string, (db: Queryable) => Promise<unknown>]>([
  [
    'accepting payments',
    (db) => {
      const source = { type: 'card', token: 'tok_x' } as const;
      const payment = { id: newId('pay'), tenantId, orderId: newId('ord'), source, requestKey: randomUUID() };
      return acceptPayments(db, [{ ...payment, workflowId: 'w' }], { claim: randomUUID(), leaseMs: 1_000 });
    },
  ],
  ['finding the payment of a key', (db) => findByRequestKey(db, tenantId, randomUUID())],
])('%s never reads all payments of a tenant', async (_name, run) => {
  const plan = await planWithout('payments_request_key', run);
  expect(plan).toContain('payments p');
  expect(plan).not.toContain('payments_by_tenant');
});
