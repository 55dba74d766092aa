import { randomUUID } from 'node:crypto';
import type { Pool, QueryConfig } from 'pg';
import pino from 'pino';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { recordOutcomes } from '../../../domains/webhooks/store/attempt-outcomes';
import { cancelDeliveries, makeDue } from '../../../domains/webhooks/store/delivery-commands';
import { leaseDue, releaseLeases } from '../../../domains/webhooks/store/leases';
import { createPool, type Queryable } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';

// Statistics that were taken while nothing was open, as after a quiet night, then a backlog.
const HISTORY = 20_000;
const BACKLOG = 5_000;
const lease = randomUUID();

let database: TestDatabase;
let pool: Pool;
let open: PublicId[];

async function insert(state: string, count: number, dueInSeconds: number): Promise<PublicId[]> {
  const made = Array.from({ length: count }, () => newId('dlv'));
  await pool.query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, next_attempt_at, claim, workflow_id,
                             created_at, updated_at)
     SELECT id, id, id, id, 'x', $2, now() + $3 * interval '1 second', $4, 'w', now(), now() FROM unnest($1::uuid[]) AS id`,
    [made.map(toUuid), state, dueInSeconds, lease],
  );
  return made;
}

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url, { max: 2 }, pino({ level: 'silent' }));
  await insert('delivered', HISTORY, 0);
  await pool.query('ANALYZE');
  open = await insert('pending', BACKLOG, -1);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Rolls back what it explains, so that the statistics stay as they are. */
async function planOf(run: (db: Queryable) => Promise<unknown>): Promise<string> {
  let plan = '';
  const client = await pool.connect();
  const db = {
    query: async (query: QueryConfig) => {
      await client.query('BEGIN');
      const explained = await client.query({
        text: `EXPLAIN (ANALYZE) ${query.text}`,
        values: query.values ?? [],
      });
      plan += explained.rows.map((row) => row['QUERY PLAN']).join('\n');
      await client.query('ROLLBACK');
      return { rows: [], rowCount: 0 };
    },
  };
  await run(db).catch(() => undefined);
  client.release();
  return plan;
}

const some = () => open.slice(0, 200);

test.each<[string, (db: Queryable) => Promise<unknown>]>([
  [
    'recording outcomes',
    (db) =>
      recordOutcomes(
        db,
        some().map((deliveryId) => ({
          attemptId: newId('att'),
          deliveryId,
          lease,
          number: 1,
          trigger: 'accept',
          startedAt: new Date(),
          durationMs: 1,
          status: 200,
          error: undefined,
          errorDetail: undefined,
          responseBody: undefined,
          next: { state: 'delivered' },
          toBacklog: false,
        })),
      ),
  ],
  [
    'leasing',
    (db) => leaseDue(db, some(), { lease: randomUUID(), leaseSlackMs: 1_000, maxBytes: 1e9, takeOver: true }),
  ],
  ['releasing', (db) => releaseLeases(db, some(), lease)],
  ['making due', (db) => makeDue(db, some())],
  ['cancelling', (db) => cancelDeliveries(db, some())],
])('%s finds deliveries by their ids, however large the backlog', async (_name, run) => {
  const plan = await planOf(run);
  expect(plan).toContain('deliveries_pkey');
  expect(plan).not.toMatch(/deliveries_(due|held)/);
});
