import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import { type WebhooksConfig, webhooksConfig } from '../../../domains/webhooks/config';
import { expireMessageContent } from '../../../domains/webhooks/store/message-reads';
import { findReplay } from '../../../domains/webhooks/store/replays';
import { type RemovedHistory, removeHistory } from '../../../domains/webhooks/store/retention';
import { forgetOld } from '../../../domains/webhooks/upkeep/retention';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertTenant } from '../../support/fixtures';

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
    `INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome, response_body)
     VALUES ($1, $2, 1, 'accept', now(), 1, 'succeeded', '{"echo":{}}')`,
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
  expect(beat).toHaveBeenCalledTimes(7);
  expect(await count('idempotency_records')).toBe(4);
});

test('replays go when they have ended and the history retention is over', async () => {
  const { pool } = database;
  const key = newId('key');
  const of = await insertTenant(pool);
  const made = async (daysOld: number, state: string) => {
    const id = (Date.now() - daysOld * DAY).toString(16).padStart(12, '0') + toUuid(newId('rpl')).slice(12);
    await pool.query(
      `INSERT INTO replays (id, tenant_id, action, source, filter, actor, state)
       VALUES ($1, $2, 'replay', 'deliveries', '{}', $3, $4)`,
      [id, toUuid(of), key, state],
    );
    return fromUuid('rpl', id);
  };
  const gone = [await made(91, 'completed'), await made(91, 'cancelled')];
  const kept = [await made(91, 'running'), await made(89, 'completed')];
  await run();
  for (const id of gone) expect(await findReplay(pool, of, id)).toBeUndefined();
  for (const id of kept) expect(await findReplay(pool, of, id)).toMatchObject({ id });
});

test('the next run goes on from where the last one stopped', async () => {
  const later = await insert(30.5, 'delivered');
  await run();
  expect(await body(later)).toBeNull();
  const { rows } = await database.pool.query("SELECT position FROM housekeeping WHERE task = 'expire-contents'");
  expect(rows[0].position.replaceAll('-', '')).toBe(later);
});

/** What the receiver of a message's one delivery answered. */
async function answer(message: string): Promise<string | null> {
  const { rows } = await database.pool.query(
    'SELECT response_body FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.message_id = $1',
    [message],
  );
  return rows[0]?.response_body;
}

test('what receivers answered goes with the content, however that goes', async () => {
  const fresh = await insert(1, 'delivered');
  const kept = await insert(40, 'delivered', new Date(Date.now() + DAY));
  const asked = await insert(2, 'delivered', new Date(Date.now() - 1_000));
  const now = await insert(1, 'delivered');
  await database.pool.query("DELETE FROM housekeeping WHERE task = 'expire-contents'");
  const old = await insert(31, 'delivered');
  const id = fromUuid('msg', now);
  expect(await expireMessageContent(database.pool, newId('ten'), id)).toBe(false);
  expect(await expireMessageContent(database.pool, fromUuid('ten', tenant), id)).toBe(true);
  await run();
  expect(await Promise.all([fresh, kept].map(answer))).toEqual(['{"echo":{}}', '{"echo":{}}']);
  expect(await Promise.all([old, asked, now].map(answer))).toEqual([null, null, null]);
});

describe('dead letters', () => {
  async function bury(message: string, state: string): Promise<void> {
    await database.pool.query(
      `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, attempts, state,
                                 created_at)
       SELECT gen_random_uuid(), tenant_id, id, message_id, endpoint_id, event_type, 'exhausted', 1, $2, now()
       FROM deliveries WHERE message_id = $1`,
      [message, state],
    );
  }

  test('go with their delivery, open ones too', async () => {
    const gone = await insert(92, 'dead');
    const recent = await insert(2, 'dead');
    for (const state of ['open', 'retried', 'discarded']) await bury(gone, state);
    await bury(recent, 'open');
    expect((await run()).messagesRemoved).toBe(1);
    const { rows } = await database.pool.query('SELECT message_id AS id FROM dead_letters');
    expect(rows.map(({ id }) => id.replaceAll('-', ''))).toEqual([recent]);
  });
});

test('a run reads messages that stay once, not with every batch', async () => {
  const waiting = await Promise.all(Array.from({ length: 5 }, () => insert(95, 'held')));
  const done = await Promise.all(Array.from({ length: 5 }, () => insert(93, 'delivered')));
  const beforeMs = Date.now() - 92.5 * DAY;
  const calls: RemovedHistory[] = [];
  let after: string | undefined;
  do {
    const call = await removeHistory(database.pool, { beforeMs, after, limit: 2 });
    calls.push(call);
    after = call.last;
  } while (after !== undefined);
  const total = (of: (call: RemovedHistory) => number) => calls.reduce((sum, call) => sum + of(call), 0);
  expect(total(({ seen }) => seen)).toBe(waiting.length + done.length);
  expect(total(({ removed }) => removed)).toBe(done.length);
});

test('a batch that takes too long is halved', async () => {
  await Promise.all(Array.from({ length: 3 }, () => insert(94, 'delivered')));
  const tooLong = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
  const limits: number[] = [];
  const pool = Object.create(database.pool) as typeof database.pool;
  pool.query = ((config: { name?: string; values: unknown[] }) => {
    if (config.name !== 'remove-history') return database.pool.query(config as never);
    const limit = Number(config.values[1]);
    limits.push(limit);
    return limit > 300 ? Promise.reject(tooLong) : database.pool.query(config as never);
  }) as never;
  expect((await forgetOld({ pool, config, beat: () => {} })).messagesRemoved).toBe(3);
  expect(limits).toEqual([1_000, 500, 250]);
});
