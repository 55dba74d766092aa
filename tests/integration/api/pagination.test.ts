import fc from 'fast-check';
import { newId, toUuid } from '../../../core/ids';
import { readPage } from '../../../infra/postgres/keyset';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness } from '../../support/finance';
import { insertSettledDay } from '../../support/settled-day';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

interface Body {
  data: Record<string, string>[];
  next: string | null;
  previous: string | null;
}

/** A list and how to fill it in a fresh tenant; `path` may name what was made. */
interface List {
  name: string;
  key: string;
  fill(tenant: { tenantId: string; key: string }, count: number): Promise<string>;
}

const insertMany = async (sql: string, rows: readonly (readonly unknown[])[]) => {
  for (const row of rows) await api.deps.pool.query(sql, [...row]);
};
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

const DELIVERY = `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at,
  updated_at) VALUES ($1, $2, $1, $1, $3, 'dead', 'w', now(), now())`;

const RECONCILIATION = `INSERT INTO reconciliation_runs (id, tenant_id, run_id, state, actor, file_hash, line_count, matched,
  missing_internal, missing_external, amount_mismatch, currency_mismatch, duplicate)
  VALUES ($1, $2, $3, 'within_tolerance', 'key', '', 0, 0, 0, 0, 0, 0, 0)`;

const lists: List[] = [
  {
    name: 'messages',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertMany(
        `INSERT INTO messages (id, tenant_id, event_type, body, created_at) VALUES ($1, $2, $3, '{}', now())`,
        times(count, (index) => [toUuid(newId('msg')), toUuid(tenantId), index % 3 === 0 ? 'third' : 'other']),
      );
      return '/v1/messages';
    },
  },
  {
    name: 'messages of a type',
    key: 'id',
    async fill(tenant, count) {
      await lists[0]?.fill(tenant, count);
      return '/v1/messages?eventType=third';
    },
  },
  {
    name: 'deliveries',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertMany(
        DELIVERY,
        times(count, () => [toUuid(newId('dlv')), toUuid(tenantId), 'a']),
      );
      return '/v1/deliveries?state=dead';
    },
  },
  {
    name: 'attempts',
    key: 'id',
    async fill({ tenantId }, count) {
      const delivery = newId('dlv');
      await insertMany(DELIVERY, [[toUuid(delivery), toUuid(tenantId), 'a']]);
      await insertMany(
        `INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome)
         VALUES ($1, $2, $3, 'schedule', now(), 1, 'failed')`,
        times(count, (index) => [toUuid(delivery), toUuid(newId('att')), index + 1]),
      );
      return `/v1/deliveries/${delivery}/attempts`;
    },
  },
  {
    name: 'dead letters',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertMany(
        `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, attempts, created_at)
         VALUES ($1, $2, $1, $1, $1, 'a', 'exhausted', 1, now())`,
        times(count, () => [toUuid(newId('dl')), toUuid(tenantId)]),
      );
      return '/v1/dead-letters';
    },
  },
  {
    name: 'endpoints',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertMany(
        `INSERT INTO endpoints (id, tenant_id, url, retry_delays_ms, timeout_ms) VALUES ($1, $2, 'https://a.example', '{}', 1000)`,
        times(count, () => [toUuid(newId('ep')), toUuid(tenantId)]),
      );
      return '/v1/endpoints';
    },
  },
  {
    name: 'event types',
    key: 'name',
    async fill({ tenantId }, count) {
      const names = ['a', 'a.b', 'A', 'a-b', 'a_b', 'B', 'b'];
      await insertMany(
        'INSERT INTO event_types (tenant_id, name) VALUES ($1, $2)',
        times(count, (index) => [toUuid(tenantId), `${names[index % names.length]}.${index}`]),
      );
      return '/v1/event-types';
    },
  },
  {
    name: 'API keys',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertMany(
        `INSERT INTO api_keys (id, tenant_id, name, secret_hash, scopes) VALUES ($1, $2, 'k', '', '{}')`,
        times(count, () => [toUuid(newId('key')), toUuid(tenantId)]),
      );
      return '/v1/api-keys';
    },
  },
  {
    name: 'finance audit entries',
    key: 'seq',
    async fill({ tenantId }, count) {
      await insertMany(
        `INSERT INTO finance_audit_log (tenant_id, seq, at, actor, action, subject, payload, prev_hash, hash)
         VALUES ($1, $2, now(), 'a', 'b', 'c', '{}', sha256('x'), sha256('y'))`,
        times(count, (index) => [toUuid(tenantId), index + 1]),
      );
      return '/api/v2/finance/settlement/audit';
    },
  },
  {
    name: 'reconciliations',
    key: 'id',
    async fill({ tenantId }, count) {
      await insertBusiness(api.deps.pool, tenantId);
      const { runId } = await insertSettledDay(api.deps.pool, tenantId, { date: '2026-10-29', transactions: [] });
      await insertMany(
        RECONCILIATION,
        times(count, () => [toUuid(newId('rec')), toUuid(tenantId), toUuid(runId)]),
      );
      return '/api/v2/finance/settlement/2026-10-29/reconciliation';
    },
  },
  {
    name: 'reconciliation items of a status',
    key: 'reference',
    async fill({ tenantId }, count) {
      await insertBusiness(api.deps.pool, tenantId);
      const { runId } = await insertSettledDay(api.deps.pool, tenantId, { date: '2026-10-29', transactions: [] });
      const id = newId('rec');
      await insertMany(RECONCILIATION, [[toUuid(id), toUuid(tenantId), toUuid(runId)]]);
      await insertMany(
        'INSERT INTO reconciliation_items (reconciliation_id, seq, status, reference) VALUES ($1, $2, $3, $4)',
        times(count, (index) => [toUuid(id), index + 1, index % 3 === 0 ? 'duplicate' : 'matched', `ref ${index}`]),
      );
      return `/api/v2/finance/settlement/2026-10-29/reconciliation/${id}/items?status=matched`;
    },
  },
];

async function get(path: string, key: string): Promise<Body> {
  const { status, body } = await api.call('GET', path, { key });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

/** Every page from a given one on, in one direction. */
async function walk(
  first: Body,
  direction: 'next' | 'previous',
  { path, limit, key }: { path: string; limit: number; key: string },
): Promise<Body[]> {
  const pages = [first];
  for (let cursor = first[direction]; cursor !== null; cursor = pages.at(-1)?.[direction] ?? null) {
    pages.push(await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}&cursor=${cursor}`, key));
    if (pages.length > 200) throw new Error('the pages do not end');
  }
  return pages;
}

test.each(lists)(
  'all pages of $name together are all rows, in both orders, forwards and backwards',
  async ({ fill, key }) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 24 }),
      fc.integer({ min: 1, max: 9 }),
      async (count, limit) => {
        const tenant = await api.newTenant();
        const path = await fill(tenant, count);
        const separator = path.includes('?') ? '&' : '?';
        const keys = (pages: Body[]) => pages.flatMap((page) => page.data.map((row) => row[key]));
        const all = await get(`${path}${separator}order=asc&limit=250`, tenant.key);
        expect([all.next, all.previous]).toEqual([null, null]);
        const expected = keys([all]);
        for (const order of ['asc', 'desc']) {
          const first = await get(`${path}${separator}order=${order}&limit=${limit}`, tenant.key);
          const forwards = await walk(first, 'next', { path, limit, key: tenant.key });
          expect(keys(forwards)).toEqual(order === 'asc' ? expected : [...expected].reverse());
          expect(forwards.map((page) => page.previous === null)).toEqual(forwards.map((_, index) => index === 0));
          const last = forwards.at(-1);
          if (last === undefined) continue;
          const backwards = await walk(last, 'previous', { path, limit, key: tenant.key });
          expect(keys([...backwards].reverse())).toEqual(keys(forwards));
        }
      },
    );
    await fc.assert(property, { numRuns: 4 });
  },
);

test('a page is full but for the last, and limited to what was asked for', async () => {
  const tenant = await api.newTenant();
  await lists[0]?.fill(tenant, 55);
  expect((await get('/v1/messages', tenant.key)).data).toHaveLength(50);
  const page = await get('/v1/messages?limit=54', tenant.key);
  expect([page.data.length, page.next === null]).toEqual([54, false]);
  expect((await get(`/v1/messages?cursor=${page.next}`, tenant.key)).data).toHaveLength(1);
});

test('rows that come in meanwhile are neither skipped nor repeated', async () => {
  const tenant = await api.newTenant();
  await lists[0]?.fill(tenant, 10);
  const first = await get('/v1/messages?limit=4&order=asc', tenant.key);
  await lists[0]?.fill(tenant, 5);
  const pages = await walk(first, 'next', { path: '/v1/messages', limit: 4, key: tenant.key });
  const ids = pages.flatMap((page) => page.data.map(({ id }) => id));
  expect([ids.length, new Set(ids).size]).toEqual([15, 15]);
});

test.each([
  ['garbage', 'x'],
  ['base64 of garbage', Buffer.from('messages:desc:next::1; DROP TABLE messages').toString('base64url')],
  ['a key that is no id', Buffer.from('messages:desc:next::zzz').toString('base64url')],
  ['an empty one', ''],
  [
    "another list's",
    Buffer.from(`endpoints:desc:next::${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`).toString('base64url'),
  ],
])('as a cursor %s is refused', async (_name, cursor) => {
  const { status, body } = await api.call('GET', `/v1/messages?cursor=${cursor}`);
  expect([status, body.errors[0].pointer]).toEqual([422, '#/cursor']);
});

test('whatever stands in a cursor, the answer is a page or a refusal', async () => {
  const cursor = fc.oneof(
    fc.string(),
    fc.string().map((text) => Buffer.from(text).toString('base64url')),
    fc.string().map((text) => Buffer.from(`messages:desc:next::${text}`).toString('base64url')),
  );
  await fc.assert(
    fc.asyncProperty(cursor, async (text) => {
      const { status } = await api.call(
        'GET',
        `/v1/messages?cursor=${encodeURIComponent(text.replace(/\p{Surrogate}/gu, ''))}`,
      );
      expect([200, 422]).toContain(status);
    }),
    { numRuns: 25 },
  );
});

test('a cursor keeps its order', async () => {
  const tenant = await api.newTenant();
  await lists[0]?.fill(tenant, 5);
  const { next } = await get('/v1/messages?limit=2&order=asc', tenant.key);
  const { status, body } = await api.call('GET', `/v1/messages?cursor=${next}&order=desc`, { key: tenant.key });
  expect([status, body.errors[0].pointer]).toEqual([422, '#/order']);
});

test('a filter that finds little looks at a bounded number of rows a page, and still finds all', async () => {
  const tenant = await api.newTenant();
  await lists[0]?.fill(tenant, 60);
  const query = {
    columns: 'id',
    table: 'messages',
    index: { prefix: ['tenant_id', toUuid(tenant.tenantId)], key: 'id' } as const,
    filter: [['event_type = ?', 'third']] as const,
    scanBudget: 7,
  };
  const expected = await api.deps.pool.query<{ id: string }>(
    `SELECT id FROM messages WHERE tenant_id = $1 AND event_type = 'third' ORDER BY id`,
    [toUuid(tenant.tenantId)],
  );
  for (const order of ['asc', 'desc'] as const) {
    const pages = [await readPage<{ id: string }>(api.deps.pool, query, { order, limit: 5 })];
    for (let position = pages[0]?.next; position !== undefined; position = pages.at(-1)?.next) {
      pages.push(await readPage<{ id: string }>(api.deps.pool, query, { order, limit: 5, position }));
    }
    const ids = expected.rows.map(({ id }) => id);
    expect(pages.flatMap((page) => page.rows.map(({ id }) => id))).toEqual(order === 'asc' ? ids : [...ids].reverse());
    expect(pages.length).toBeGreaterThanOrEqual(8);
    const back = [pages.at(-1)];
    for (let position = back[0]?.previous; position !== undefined; position = back.at(-1)?.previous) {
      back.push(await readPage<{ id: string }>(api.deps.pool, query, { order, limit: 5, position }));
    }
    const found = back.reverse().flatMap((page) => page?.rows.map(({ id }) => id) ?? []);
    expect(found).toEqual(order === 'asc' ? ids : [...ids].reverse());
  }
});
