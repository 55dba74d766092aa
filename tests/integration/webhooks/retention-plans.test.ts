import type { QueryConfig } from 'pg';
import { newId, toUuid } from '../../../core/ids';
import { expireMessageContent } from '../../../domains/webhooks/store/message-reads';
import { expireContents, expireRequestedContents, removeHistory } from '../../../domains/webhooks/store/retention';
import type { Queryable } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';

// A year of dead letters that were resolved, and attempts, beside the few messages that are old enough.
const MESSAGES = 20_000;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  const ids = Array.from({ length: MESSAGES }, () => toUuid(newId('msg')));
  await pool.query(
    `INSERT INTO messages (id, tenant_id, event_type, body, created_at, content_expires_at)
     SELECT id, $2, 'x', '{}', now(), CASE WHEN n % 100 = 0 THEN now() END FROM unnest($1::uuid[]) WITH ORDINALITY AS m(id, n)`,
    [ids, ids[0]],
  );
  await pool.query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at)
     SELECT id, tenant_id, id, id, 'x', 'delivered', 'w', now(), now() FROM messages`,
  );
  await pool.query(
    `INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome, response_body)
     SELECT id, id, 1, 'accept', now(), 1, 'succeeded', 'ok' FROM messages`,
  );
  await pool.query(
    `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, attempts, state, created_at)
     SELECT id, tenant_id, id, id, id, 'x', 'exhausted', 1, 'retried', now() FROM messages`,
  );
  await pool.query('ANALYZE');
});
afterAll(async () => {
  await database.drop();
});

async function planOf(run: (db: Queryable) => Promise<unknown>): Promise<string> {
  let plan = '';
  const client = await database.pool.connect();
  const db = {
    query: async (query: QueryConfig) => {
      await client.query('BEGIN');
      const explained = await client.query({ text: `EXPLAIN (ANALYZE) ${query.text}`, values: query.values ?? [] });
      plan += explained.rows.map((row) => row['QUERY PLAN']).join('\n');
      await client.query('ROLLBACK');
      return { rows: [], rowCount: 0 };
    },
  };
  await run(db);
  client.release();
  return plan;
}

const [messages, attempts, deadLetters] = ['messages_pkey', 'attempts_pkey', 'dead_letters_by_delivery'];

test.each<[string, (db: Queryable) => Promise<unknown>, string[]]>([
  ['expiring requested contents', (db) => expireRequestedContents(db, 100), ['messages_content_expiry', attempts]],
  ['expiring contents', (db) => expireContents(db, Date.now() + 1_000, 100), [messages, attempts]],
  ['expiring one content', (db) => expireMessageContent(db, newId('ten'), newId('msg')), [attempts]],
  [
    'removing history',
    (db) => removeHistory(db, { beforeMs: Date.now() + 1_000, after: undefined, limit: 100 }),
    [messages, attempts, deadLetters, 'deliveries_pkey', 'message_keys_by_message'],
  ],
])('%s reads by index only', async (_name, run, indexes) => {
  const plan = await planOf(run);
  for (const index of indexes) expect(plan).toContain(index);
  expect(plan).not.toContain('Seq Scan');
});
