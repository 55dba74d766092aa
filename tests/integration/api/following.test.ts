import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { newId, type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { createApi, type TestApi } from '../../support/api-support';
import { eventually } from '../../support/receiver';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

interface Body {
  data: { id: string; seq?: number }[];
  next: string;
}

async function page(path: string, cursor?: string): Promise<Body> {
  const where = cursor === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
  const { status, body } = await api.call('GET', where);
  expect([status, typeof body.next]).toEqual([200, 'string']);
  return body;
}

/** Follows a list until it has `count` entries. */
async function follow(path: string, count: () => number): Promise<string[]> {
  const seen: string[] = [];
  let next: string | undefined;
  const deadline = Date.now() + 40_000;
  while (seen.length < count() && Date.now() < deadline) {
    const body = await page(path, next);
    seen.push(...body.data.map(({ id }) => id));
    next = body.next;
    await sleep(20);
  }
  // Nothing comes twice later on.
  seen.push(...(await page(path, next)).data.map(({ id }) => id));
  return seen;
}

const INSERT_DEAD_LETTER = `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type,
  reason, attempts, created_at) VALUES ($1, $2, $1, $1, $1, 'a', 'exhausted', 1, now())`;
const DEAD_LETTERS = '/v1/dead-letters?follow=true&limit=100';

test('who follows messages under load sees each once, whatever stays open and whatever dies', async () => {
  const published: string[] = [];
  let expected = Number.POSITIVE_INFINITY;
  const writer = async () => {
    while (published.length < 1_200) {
      const { body } = await api.call('POST', '/v1/messages', { body: { eventType: 'a', payload: 1 } });
      published.push(body.id);
    }
  };
  /** Transactions with early ids that commit late, and one that dies with its connection. */
  const slow = async (ms: number, dies = false) => {
    const client = new Client({ connectionString: api.pipeline.database.url });
    client.on('error', () => {});
    await client.connect();
    const id = newId('msg');
    await client.query('BEGIN');
    await client.query('SELECT writes_to_list(1, $1, 5000)', [toUuid(id)]);
    await client.query(
      "INSERT INTO messages (id, tenant_id, event_type, body, created_at) VALUES ($1, $2, 'a', '{}', now())",
      [toUuid(id), toUuid(api.tenantId)],
    );
    await sleep(ms);
    if (dies) {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await api.deps.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await client.end().catch(() => {});
      return;
    }
    await client.query('COMMIT');
    await client.end();
    published.push(id);
  };
  const writers = Promise.all([writer(), writer(), writer(), writer(), slow(8_000), slow(1_000), slow(300, true)]);
  const reader = follow('/v1/messages?follow=true&limit=50', () => expected);
  await writers;
  expected = published.length;
  const seen = await reader;
  expect([...seen].sort()).toEqual([...published].sort());
}, 60_000);

test('a row that is stored behind younger ones is still seen, since the page before ended in front of it', async () => {
  const [insert, path] = [INSERT_DEAD_LETTER, DEAD_LETTERS];
  const { pool } = api.deps;
  const values = (ms: number, n: number): [string, string] => [
    uuidFloor(ms).slice(0, 31) + String(n),
    toUuid(api.tenantId),
  ];
  const now = Date.now();
  const start = (await page(path)).next;
  await inTransaction(pool, async (client) => {
    await client.query(insert, values(now - 60_000, 1));
    await pool.query(insert, values(now - 50_000, 2));
    expect((await page(path, start)).data).toEqual([]);
  });
  const fresh = await page(path);
  expect(fresh.data.map(({ id }) => id)).toEqual(
    [1, 2].map((n) => `dl_${uuidFloor(now - 70_000 + n * 10_000).slice(0, 31)}${n}`),
  );
  // What was written a moment ago is not settled.
  await pool.query(insert, values(Date.now(), 3));
  expect((await page(path, fresh.next)).data).toEqual([]);
});

test('a list is followed from where it ends, even if it is empty, and a long transaction elsewhere stalls nothing', async () => {
  const other = await api.newTenant();
  const empty = await api.call('GET', '/v1/messages?follow=true', { key: other.key });
  expect([empty.body.data, typeof empty.body.next]).toEqual([[], 'string']);
  const open = await api.deps.pool.connect();
  try {
    await open.query('BEGIN');
    await open.query(INSERT_DEAD_LETTER, [toUuid(newId('dl')), toUuid(api.tenantId)]);
    const { body } = await api.call('POST', '/v1/messages', { key: other.key, body: { eventType: 'a', payload: 1 } });
    const found = await eventually(async () => {
      const next = `/v1/messages?cursor=${empty.body.next}`;
      const answer = await api.call('GET', next, { key: other.key });
      return answer.body.data[0]?.id as PublicId | undefined;
    });
    expect(found).toBe(body.id);
  } finally {
    await open.query('ROLLBACK');
    open.release();
  }
});

test("a process whose clock is behind publishes at the database's time", async () => {
  const real = Date.now;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => real() - 20_000);
  try {
    const { status, body } = await api.call('POST', '/v1/messages', { body: { eventType: 'a', payload: 1 } });
    expect([status, real() - Date.parse(body.createdAt) < 5_000]).toEqual([202, true]);
  } finally {
    clock.mockRestore();
  }
});

test('a message whose id is too old is not stored with it', async () => {
  const old = uuidFloor(Date.now() - 6_000);
  const told = api.deps.pool.query('SELECT writes_to_list(1, $1, 5000)', [old]);
  await expect(told).rejects.toMatchObject({ code: 'WB001' });
});

test.each([
  ['/v1/messages?follow=true&order=desc', '#/order'],
  ['/v1/orders?follow=true', '#/follow'],
])('%s is refused', async (path, pointer) => {
  const { status, body } = await api.call('GET', path);
  expect([status, body.errors[0].pointer]).toEqual([422, pointer]);
});

test('the audit log is followed by its numbers', async () => {
  const path = '/api/v2/finance/settlement/audit?follow=true';
  const start = await page(path);
  expect((await page(path, start.next)).data).toEqual([]);
});
