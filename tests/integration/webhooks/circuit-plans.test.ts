import { randomUUID } from 'node:crypto';
import type { Pool, QueryConfig } from 'pg';
import pino from 'pino';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { countCircuits, findUnattendedCircuits } from '../../../domains/webhooks/store/circuits';
import {
  buryHeld,
  countHeld,
  findHeldTooLong,
  holdBacklog,
  releaseHeld,
} from '../../../domains/webhooks/store/held-flow';
import { leaseHead, leaseHeld } from '../../../domains/webhooks/store/leases';
import { headDueInMs, leaveOrder, measureBlocked, orderedVersion } from '../../../domains/webhooks/store/ordering';
import {
  countRecoverable,
  findRecoverable,
  holdRecoverable,
  reviveRecoverable,
} from '../../../domains/webhooks/store/recoveries';
import { createPool, type Queryable } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertTenant } from '../../support/fixtures';

let database: TestDatabase;
let pool: Pool;
let endpointId: PublicId;

/** An endpoint with a long history, a few held deliveries and a few dead letters that recover. */
beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url, { max: 2 }, pino({ level: 'silent' }));
  const tenantId = await insertTenant(pool);
  endpointId = newId('ep');
  await pool.query(
    `INSERT INTO endpoints (id, tenant_id, url, retry_delays_ms, timeout_ms, circuit)
     VALUES ($1, $2, 'https://example.com', '{}', 5000, 'draining')`,
    [toUuid(endpointId), toUuid(tenantId)],
  );
  await pool.query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at)
     SELECT gen_random_uuid(), $2, gen_random_uuid(), $1, 'x', CASE WHEN n % 1000 = 0 THEN 'held' ELSE 'delivered' END, 'w',
            now(), now()
     FROM generate_series(1, 20000) n`,
    [toUuid(endpointId), toUuid(tenantId)],
  );
  await pool.query(
    `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status, attempts,
                               state, created_at)
     SELECT gen_random_uuid(), $2, gen_random_uuid(), gen_random_uuid(), $1, 'x', 'exhausted',
            CASE WHEN n % 1000 = 0 THEN 503 ELSE 400 END, 5, CASE WHEN n % 3 = 0 THEN 'retried' ELSE 'open' END, now()
     FROM generate_series(1, 20000) n`,
    [toUuid(endpointId), toUuid(tenantId)],
  );
  await pool.query('ANALYZE');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function planOf(run: (db: Queryable) => Promise<unknown>): Promise<string> {
  let plan = '';
  const db = {
    query: async ({ text, values }: QueryConfig) => {
      const { rows } = await pool.query({ text: `EXPLAIN ${text}`, values: values ?? [] });
      plan += rows.map((row) => row['QUERY PLAN']).join('\n');
      return { rows: [], rowCount: 0 };
    },
  };
  await run(db).catch(() => undefined);
  return plan;
}

const RELEASE = { limit: 50, mostWaiting: 400 };
const LEASE = { lease: randomUUID(), leaseSlackMs: 1_000, maxBytes: 1e9, takeOver: true };

test.each<[string, string, (db: Queryable) => Promise<unknown>]>([
  ['counting what is held', 'deliveries_held(?:_since|_lanes)?', (db) => countHeld(db, endpointId)],
  ['leasing a probe', 'deliveries_held', (db) => leaseHeld(db, endpointId, newId('dlv'), LEASE)],
  ['letting go of the oldest', 'deliveries_held_lanes', (db) => releaseHeld(db, endpointId, RELEASE)],
  ['finding who holds too long', 'deliveries_held_since', (db) => findHeldTooLong(db, 1_000, 100)],
  ['burying', 'deliveries_held_since', (db) => buryHeld(db, endpointId, { holdForMs: 1_000, limit: 100 })],
  ['holding a backlog', 'deliveries_backlog', (db) => holdBacklog(db, endpointId, 100)],
  ['reviving dead letters', 'dead_letters_recoverable', (db) => reviveRecoverable(db, endpointId, RELEASE)],
  ['holding a dead letter', 'dead_letters_recoverable', (db) => holdRecoverable(db, endpointId)],
  ['counting what recovers', 'dead_letters_recoverable', (db) => countRecoverable(db, endpointId)],
  ['finding what recovers', 'dead_letters_recoverable', (db) => findRecoverable(db, 100)],
  ['finding circuits', 'endpoints_circuits', (db) => findUnattendedCircuits(db, 1_000, 100)],
  ['leasing the head of an ordered line', 'deliveries_in_order', (db) => leaseHead(db, endpointId, LEASE)],
  ['looking when the head is due', 'deliveries_in_order', (db) => headDueInMs(db, endpointId)],
  ['looking whether there is an order', 'deliveries_in_order', (db) => orderedVersion(db, endpointId)],
  ['leaving an order', 'deliveries_in_order', (db) => leaveOrder(db, endpointId, 100)],
  ['measuring lines that do not move', 'deliveries_in_order', (db) => measureBlocked(db)],
  ['counting circuits', 'endpoints_circuits', (db) => countCircuits(db)],
])('%s reads %s, not the history', async (_what, index, run) => {
  const plan = await planOf(run);
  expect(plan).toMatch(new RegExp(`using ${index}\\b`));
  expect(plan).not.toMatch(
    /Seq Scan on (deliveries|dead_letters|endpoints)|deliveries_by_endpoint|dead_letters_by_endpoint/,
  );
});
