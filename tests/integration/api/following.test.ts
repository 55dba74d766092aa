import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { fromUuid, newId, type PublicId, timeOfId, toUuid, uuidFloor } from '../../../core/ids';
import { storeEvent } from '../../../domains/webhooks/publishing/publish-event';
import { inTransaction } from '../../../infra/postgres/pool';
import { startApiProcess } from '../../support/api-process';
import { createApi, type TestApi } from '../../support/api-support';
import { followedPage, followUntil } from '../../support/following';
import { eventually } from '../../support/receiver';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const page = (path: string, cursor?: string) => followedPage(api, path, cursor);

const INSERT_DEAD_LETTER = `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type,
  reason, attempts, created_at) VALUES ($1, $2, $1, $1, $1, 'a', 'exhausted', 1, now())`;

test('who follows messages under load sees each once, whatever stays open and whatever dies', async () => {
  const published: string[] = [];
  let expected = Number.POSITIVE_INFINITY;
  let open = true;
  const writer = async () => {
    while (open) {
      const { body } = await api.call('POST', '/v1/messages', { body: { eventType: 'a', payload: 1 } });
      published.push(body.id);
      await sleep(40);
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
  const longest = slow(8_000).finally(() => {
    open = false;
  });
  const writers = Promise.all([writer(), writer(), writer(), writer(), longest, slow(1_000), slow(300, true)]);
  const reader = followUntil(api, '/v1/messages?follow=true&limit=50', () => expected);
  await writers;
  expected = published.length;
  const seen = await reader;
  expect([...seen].sort()).toEqual([...published].sort());
});

test('who follows while an API process that publishes is killed misses nothing', async () => {
  const { config, database } = api.pipeline;
  const other = await api.newTenant();
  const process = await startApiProcess({
    DATABASE_URL: database.url,
    WAYBILL_TASK_QUEUE: config.WAYBILL_TASK_QUEUE,
    WAYBILL_LOG_LEVEL: 'info',
  });
  const accepted: string[] = [];
  let [alive, refused] = [true, 0];
  /** Publishes to the process until it is gone, and some more to the other. */
  const writer = async () => {
    const headers = { authorization: `Bearer ${other.key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ eventType: 'a', payload: 1 });
    for (let more = 8; more > 0; ) {
      if (!alive) more--;
      const answer = await fetch(`${alive ? process.url : api.url}/v1/messages`, { method: 'POST', headers, body })
        .then((response) => response.json() as Promise<{ id: string }>)
        .catch(() => undefined);
      if (answer === undefined) refused++;
      else accepted.push(answer.id);
    }
  };
  let expected = Number.POSITIVE_INFINITY;
  const follower: TestApi = { ...api, call: (method, path) => api.call(method, path, { key: other.key }) };
  const reader = followUntil(follower, '/v1/messages?follow=true&limit=50', () => expected);
  const writers = Promise.all(Array.from({ length: 8 }, writer));
  try {
    await eventually(async () => (accepted.length > 150 ? true : undefined));
  } finally {
    await process.kill();
    alive = false;
  }
  await writers;
  expect(refused).toBeGreaterThan(0);
  const { rows } = await api.deps.pool.query<{ id: string }>('SELECT id FROM messages WHERE tenant_id = $1', [
    toUuid(other.tenantId),
  ]);
  const stored = rows.map(({ id }) => fromUuid('msg', id));
  expected = stored.length;
  expect([...(await reader)].sort()).toEqual([...stored].sort());
  expect(accepted.filter((id) => !stored.includes(id))).toEqual([]);
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

test('nor does it fail to tell of what it does itself', async () => {
  const real = Date.now;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => real() - 20_000);
  try {
    const event = {
      tenantId: api.tenantId,
      eventType: 'payment.captured',
      payload: {},
      eventId: newId('pay'),
    } as const;
    const { id } = await inTransaction(api.deps.pool, async (client) => {
      await storeEvent(client, event);
      const { rows } = await client.query('SELECT id FROM messages WHERE event_id = $1', [event.eventId]);
      return rows[0];
    });
    expect(Math.abs(timeOfId(fromUuid('msg', id)) - real())).toBeLessThan(5_000);
    await api.deps.pool.query('DELETE FROM messages WHERE id = $1', [id]);
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
  ['/v1/endpoints?follow=true', '#/follow'],
])('%s is refused', async (path, pointer) => {
  const { status, body } = await api.call('GET', path);
  expect([status, body.errors[0].pointer]).toEqual([422, pointer]);
});

test('the audit log is followed by its numbers', async () => {
  const path = '/api/v2/finance/settlement/audit?follow=true';
  const start = await page(path);
  expect((await page(path, start.next)).data).toEqual([]);
});
