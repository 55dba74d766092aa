import { newId, type PublicId, toUuid } from '../../../core/ids';
import { type WebhooksConfig, webhooksConfig } from '../../../domains/webhooks/config';
import { forgetOld } from '../../../domains/webhooks/upkeep/retention';
import { createTestDatabase, type TestDatabase } from '../../support/database';

const DAY = 86_400_000;

let database: TestDatabase;
let config: WebhooksConfig;
const tenant = toUuid(newId('ten'));

beforeAll(async () => {
  database = await createTestDatabase();
  config = webhooksConfig.parse({});
});
afterAll(async () => {
  await database.drop();
});

/** A message of `daysOld` days with one delivery, an attempt and a key. */
async function insert(daysOld: number, state: string, contentExpiresAt: Date | null = null): Promise<PublicId> {
  const at = Date.now() - daysOld * DAY;
  const hex = at.toString(16).padStart(12, '0') + toUuid(newId('msg')).slice(12);
  const delivery = `${hex.slice(0, 16)}8${toUuid(newId('dlv')).slice(17)}`;
  const endpoint = toUuid(newId('ep'));
  const { pool } = database;
  await pool.query(
    'INSERT INTO messages (id, tenant_id, event_type, body, content_expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)',
    [hex, tenant, 'order.created', '{}', contentExpiresAt, new Date(at)],
  );
  await pool.query('INSERT INTO message_keys (tenant_id, key, message_id, fingerprint) VALUES ($1, $2, $3, $4)', [
    tenant,
    `event:${hex}`,
    hex,
    Buffer.alloc(32),
  ]);
  await pool.query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, 'order.created', $5, 'w', $6, $6)`,
    [delivery, tenant, hex, endpoint, state, new Date(at)],
  );
  await pool.query(
    `INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome)
     VALUES ($1, $2, 1, 'accept', now(), 1, 'succeeded')`,
    [delivery, toUuid(newId('att'))],
  );
  return hex;
}

async function body(id: string): Promise<string | null | undefined> {
  const { rows } = await database.pool.query('SELECT body FROM messages WHERE id = $1', [id]);
  return rows[0]?.body;
}

async function count(table: string): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0].n;
}

const run = (beat = () => {}) => forgetOld({ pool: database.pool, config, beat });

test('contents go after their retention or when the publisher said, the rest after the history retention', async () => {
  const fresh = await insert(1, 'delivered');
  const old = await insert(31, 'delivered');
  const asked = await insert(2, 'delivered', new Date(Date.now() - 1_000));
  const notYet = await insert(40, 'delivered', new Date(Date.now() + DAY));
  const ancient = await insert(91, 'delivered');
  const waiting = await insert(91, 'retrying');

  expect(await run()).toEqual({ contentsExpiredOnRequest: 1, messagesRemoved: 1, idempotencyRecordsRemoved: 0 });
  expect(await Promise.all([fresh, old, asked, notYet, ancient, waiting].map(body))).toEqual([
    '{}',
    null,
    null,
    '{}',
    undefined,
    null,
  ]);
  expect(await Promise.all(['messages', 'deliveries', 'attempts', 'message_keys'].map(count))).toEqual([5, 5, 5, 5]);
});

test('idempotency records go when their time is over, in as many statements as it takes', async () => {
  const insertRecords = (state: string, expires: string, count: number) =>
    database.pool.query(
      `INSERT INTO idempotency_records (tenant_id, principal_id, route, key, fingerprint, state, effect_id, lock_owner,
         locked_until, status_code, headers, completed_at, expires_at)
       SELECT $1, $1, 'POST /', gen_random_uuid(), '', $2, gen_random_uuid(),
         CASE WHEN $2 = 'in_flight' THEN gen_random_uuid() END, CASE WHEN $2 = 'in_flight' THEN now() END,
         CASE WHEN $2 = 'completed' THEN 201 END, CASE WHEN $2 = 'completed' THEN '{}'::jsonb END,
         CASE WHEN $2 = 'completed' THEN now() END, now() + $3::interval FROM generate_series(1, $4)`,
      [tenant, state, expires, count],
    );
  await insertRecords('completed', '-1 second', 1_200);
  await insertRecords('in_flight', '-1 second', 2);
  await insertRecords('interrupted', '-1 second', 3);
  await insertRecords('completed', '1 minute', 4);
  const beat = jest.fn();
  expect(await run(beat)).toMatchObject({ idempotencyRecordsRemoved: 1_205 });
  // One for each statement: two for the records, one for each of the other kinds.
  expect(beat).toHaveBeenCalledTimes(5);
  expect(await count('idempotency_records')).toBe(4);
});

test('the next run goes on from where the last one stopped', async () => {
  const later = await insert(30.5, 'delivered');
  await run();
  expect(await body(later)).toBeNull();
  const { rows } = await database.pool.query("SELECT position FROM housekeeping WHERE task = 'expire-contents'");
  expect(rows[0].position.replaceAll('-', '')).toBe(later);
});
