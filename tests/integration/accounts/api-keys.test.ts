import request from 'supertest';
import { toUuid } from '../../../core/ids';
import { ensureAdminKey } from '../../../domains/accounts/admin-key';
import { ADMIN_KEY, createApi, listen, type TestApi } from '../../support/api-support';
import { PATIENCE_MS } from '../../support/receiver';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const KEY = /^wb_live_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/;

async function works(key: string): Promise<boolean> {
  return (await api.call('GET', '/v1/event-types', { key })).status === 200;
}

async function newKey(body: object = {}): Promise<{ id: string; key: string; expiresAt: string | null }> {
  const { body: created } = await api.call('POST', '/v1/api-keys', { body: { name: 'k', scopes: ['*'], ...body } });
  return created;
}

async function until(condition: () => Promise<boolean>, withinMs = PATIENCE_MS): Promise<number> {
  const start = Date.now();
  while (!(await condition())) {
    if (Date.now() - start > withinMs) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Date.now() - start;
}

test('a key is shown once, and only its hash is stored', async () => {
  const { id, key } = await newKey({ name: 'checkout' });
  expect(key).toMatch(KEY);
  expect(await works(key)).toBe(true);
  const read = await api.call('GET', `/v1/api-keys/${id}`);
  expect(read.body).toMatchObject({ id, name: 'checkout', scopes: ['*'], revokedAt: null });
  expect(read.text).not.toContain(key.slice(-43));
  const { rows } = await api.deps.pool.query('SELECT * FROM api_keys WHERE id = $1', [toUuid(id)]);
  expect(rows[0].secret_hash).toHaveLength(32);
  expect(JSON.stringify(rows)).not.toContain(key.slice(-43));
});

test('a missing, malformed, unknown, wrong, expired and revoked key are refused alike', async () => {
  const expired = await newKey();
  await api.deps.pool.query('UPDATE api_keys SET expires_at = now() WHERE id = $1', [toUuid(expired.id)]);
  const revoked = await newKey();
  await api.call('DELETE', `/v1/api-keys/${revoked.id}`);
  const wrong = `${api.key.slice(0, -1)}${api.key.endsWith('A') ? 'B' : 'A'}`;
  const unknown = `wb_live_${'f'.repeat(32)}_${'A'.repeat(43)}`;
  const bodies = new Set<string>();
  for (const key of [expired.key, revoked.key, wrong, unknown, 'wb_live_x', 'a b']) {
    const { status, body, headers } = await api.call('GET', '/v1/event-types', { key });
    expect([key, status]).toEqual([key, 401]);
    expect(headers['www-authenticate']).toBe('Bearer realm="waybill", error="invalid_token"');
    bodies.add(JSON.stringify({ ...body, request_id: '' }));
  }
  expect(bodies.size).toBe(1);
});

test('a key is looked up once a second at most, however many requests come', async () => {
  const { key } = await newKey();
  let lookups = 0;
  const pool = new Proxy(api.deps.pool, {
    get: (target, name, receiver) => {
      if (name !== 'query') return Reflect.get(target, name, receiver);
      return (query: { name?: string }) => {
        if (query.name === 'find-credentials') lookups++;
        return Reflect.apply(target.query, target, [query]);
      };
    },
  });
  const server = await listen({ ...api.deps, pool });
  const get = () => request(server).get('/v1/event-types').set('authorization', `Bearer ${key}`);
  const answers = await Promise.all(Array.from({ length: 20 }, get));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  // Two if a second passed meanwhile.
  expect(lookups).toBeLessThanOrEqual(2);
  const before = lookups;
  await until(async () => (await get()).status === 200 && lookups > before);
  await new Promise((resolve) => server.close(resolve));
});

test('a revoked key ends at once here, and within a second in every other process', async () => {
  const { id, key } = await newKey();
  const other = await listen(api.deps);
  const elsewhere = async () =>
    (await request(other).get('/v1/event-types').set('authorization', `Bearer ${key}`)).status;
  expect([await works(key), await elsewhere()]).toEqual([true, 200]);
  expect((await api.call('DELETE', `/v1/api-keys/${id}`)).status).toBe(204);
  expect(await works(key)).toBe(false);
  expect(await until(async () => (await elsewhere()) === 401)).toBeLessThan(5_000);
  expect((await api.call('DELETE', `/v1/api-keys/${id}`)).status).toBe(204);
  await new Promise((resolve) => other.close(resolve));
});

test('a key with a time to live ends by itself', async () => {
  const { key } = await newKey({ expiresAt: new Date(Date.now() + 2_000).toISOString() });
  expect(await works(key)).toBe(true);
  await until(async () => !(await works(key)));
  const past = await api.call('POST', '/v1/api-keys', {
    body: { name: 'k', scopes: ['*'], expiresAt: '2020-01-01T00:00:00Z' },
  });
  expect(past.body.errors).toEqual([{ in: 'body', pointer: '#/expiresAt', detail: 'must be in the future' }]);
});

test('a rotated key works beside its successor for the overlap, which is bounded', async () => {
  const old = await newKey({ name: 'rotated', scopes: ['event-types:read'] });
  const rotated = await api.call('POST', `/v1/api-keys/${old.id}/rotate`, { body: { overlap: '2s' } });
  expect(rotated.status).toBe(201);
  expect(rotated.body).toMatchObject({ name: 'rotated', scopes: ['event-types:read'], expiresAt: null });
  expect(rotated.body.id).not.toBe(old.id);
  expect([await works(old.key), await works(rotated.body.key)]).toEqual([true, true]);
  await until(async () => !(await works(old.key)));
  expect(await works(rotated.body.key)).toBe(true);

  const again = await api.call('POST', `/v1/api-keys/${old.id}/rotate`);
  expect([again.status, again.body.type]).toEqual([409, '/docs/problems#wrong-state']);
  const long = await api.call('POST', `/v1/api-keys/${rotated.body.id}/rotate`, { body: { overlap: '8d' } });
  expect(long.body.errors[0]).toMatchObject({ pointer: '#/overlap' });
});

test('rotation overlaps for a day by default, and does not prolong a key that was to end', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const old = await newKey({ expiresAt });
  const { body } = await api.call('POST', `/v1/api-keys/${old.id}/rotate`);
  expect(body.expiresAt).toBe(expiresAt);
  expect((await api.call('GET', `/v1/api-keys/${old.id}`)).body.expiresAt).toBe(expiresAt);
  const forever = await newKey();
  await api.call('POST', `/v1/api-keys/${forever.id}/rotate`);
  const ends = new Date((await api.call('GET', `/v1/api-keys/${forever.id}`)).body.expiresAt).getTime();
  expect(Math.abs(ends - Date.now() - 86_400_000)).toBeLessThan(60_000);
});

test('nobody hands out, takes over or takes away scopes that they do not have', async () => {
  const key = await api.newKey(['api-keys:write', 'messages:read']);
  const strong = await newKey();
  const answers = [
    await api.call('POST', '/v1/api-keys', { key, body: { name: 'k', scopes: ['*'] } }),
    await api.call('POST', '/v1/api-keys', { key, body: { name: 'k', scopes: ['messages:write', 'messages:read'] } }),
    await api.call('POST', `/v1/api-keys/${strong.id}/rotate`, { key }),
    await api.call('DELETE', `/v1/api-keys/${strong.id}`, { key }),
    await api.call('POST', '/v1/api-keys', { body: { name: 'k', scopes: ['admin'] } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
  expect(answers[1]?.body.detail).toMatch(/"messages:write"\.$/);
  expect(answers[1]?.headers['www-authenticate']).toBe(
    'Bearer realm="waybill", error="insufficient_scope", scope="messages:write"',
  );
  expect(await works(strong.key)).toBe(true);
  const weaker = await api.call('POST', '/v1/api-keys', { key, body: { name: 'k', scopes: ['messages:read'] } });
  expect(weaker.status).toBe(201);
});

test('keys of another tenant are made by an administrator alone', async () => {
  const other = await api.newTenant();
  const body = { name: 'k', scopes: ['*'], tenantId: other.tenantId };
  const refused = await api.call('POST', '/v1/api-keys', { body });
  expect([refused.status, refused.body.detail]).toEqual([403, 'A key for another tenant needs the scope "admin".']);
  const made = await api.call('POST', '/v1/api-keys', { key: ADMIN_KEY, body });
  expect(made.body.tenantId).toBe(other.tenantId);
  const nowhere = await api.call('POST', '/v1/api-keys', {
    key: ADMIN_KEY,
    body: { ...body, tenantId: `ten_${'0'.repeat(32)}` },
  });
  expect(nowhere.body.errors[0]).toMatchObject({ pointer: '#/tenantId' });
});

test("the administrator's key is made once, by however many processes start, and stays revoked", async () => {
  const { pool } = api.deps;
  const key = `wb_live_${'a1'.repeat(16)}_${'Z'.repeat(43)}`;
  await Promise.all(Array.from({ length: 5 }, () => ensureAdminKey(pool, key)));
  const { rows } = await pool.query(`SELECT id FROM tenants WHERE name = 'default'`);
  expect(rows).toHaveLength(1);
  expect((await api.call('GET', '/v1/tenants', { key })).status).toBe(200);
  await api.call('DELETE', `/v1/api-keys/key_${'a1'.repeat(16)}`, { key });
  await ensureAdminKey(pool, key);
  expect((await api.call('GET', '/v1/tenants', { key })).status).toBe(401);
  await expect(ensureAdminKey(pool, `${key.slice(0, -1)}Y`)).rejects.toThrow('another key has the same id');
  await expect(ensureAdminKey(pool, 'secret')).rejects.toThrow('expected wb_live_');
});

test('tenants have a name and a time zone that exists', async () => {
  const create = (body: object) => api.call('POST', '/v1/tenants', { key: ADMIN_KEY, body });
  const made = await create({ name: 'Berlin', timeZone: 'Europe/Berlin' });
  expect(made.status).toBe(201);
  expect(made.headers.location).toBe(`/v1/tenants/${made.body.id}`);
  expect((await api.call('GET', made.headers.location ?? '', { key: ADMIN_KEY })).body).toEqual(made.body);
  expect((await create({ name: 'x' })).body.timeZone).toBe('UTC');
  expect((await create({ name: 'x', timeZone: 'Mars/Base' })).body.errors[0].pointer).toBe('#/timeZone');
  expect((await create({ name: '' })).body.errors[0].pointer).toBe('#/name');
});
