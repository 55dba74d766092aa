import fc from 'fast-check';
import { toUuid } from '../../../core/ids';
import { newSecret } from '../../../domains/webhooks/rules/signature';
import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const URL = 'http://127.0.0.1:9/hooks';

async function create(body: object = {}) {
  const { status, body: created, headers } = await api.call('POST', '/v1/endpoints', { body: { url: URL, ...body } });
  if (status !== 201) throw new Error(JSON.stringify(created));
  return { ...created, path: headers.location as string };
}

async function row(id: string) {
  const { rows } = await api.deps.pool.query('SELECT * FROM endpoints WHERE id = $1', [toUuid(id)]);
  return rows[0];
}

async function patterns(id: string): Promise<string[]> {
  const { rows } = await api.deps.pool.query<{ pattern: string }>(
    'SELECT pattern FROM endpoint_subscriptions WHERE endpoint_id = $1 AND tenant_id = $2 ORDER BY pattern',
    [toUuid(id), toUuid(api.tenantId)],
  );
  return rows.map(({ pattern }) => pattern);
}

function pointers(body: { errors: { pointer: string }[] }): string[] {
  return body.errors.map(({ pointer }) => pointer);
}

test('an endpoint of nothing but an address gets the defaults', async () => {
  const created = await create();
  expect(created).toMatchObject({
    url: URL,
    description: '',
    state: 'enabled',
    stateReason: null,
    eventTypes: [],
    channels: [],
    headers: {},
    metadata: {},
    retry: { schedule: ['5s', '30s', '3m', '18m'] },
    timeout: '15s',
    rateLimit: null,
    tier: 'standard',
    version: 1,
  });
  expect(created.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(await patterns(created.id)).toEqual(['*']);
});

test('every field is kept and shown, the secret only once, header values masked', async () => {
  const given = {
    description: 'the shop',
    eventTypes: ['order.created', 'refund.*', 'order.created'],
    channels: ['shop:berlin'],
    headers: { 'X-Api-Key': 'hunter2', 'x-shop': 'berlin' },
    metadata: { team: 'payments', '': 'no' },
    retry: { schedule: ['1s', '1.5m', '36h'] },
    timeout: '2500ms',
    rateLimit: { limit: 5 },
    tier: 'premium',
    secret: newSecret(),
  };
  const refused = await api.call('POST', '/v1/endpoints', { body: { url: URL, ...given } });
  expect(pointers(refused.body)).toEqual(['#/metadata/']);
  const { secret, path, ...created } = await create({ ...given, metadata: { team: 'payments' } });
  expect(secret).toBe(given.secret);
  const read = await api.call('GET', path);
  expect(read.body).toEqual(created);
  expect(read.body).toMatchObject({
    description: 'the shop',
    eventTypes: ['order.created', 'refund.*'],
    channels: ['shop:berlin'],
    headers: { 'x-api-key': '********', 'x-shop': '********' },
    metadata: { team: 'payments' },
    retry: { schedule: ['1s', '90s', '36h'] },
    timeout: '2500ms',
    rateLimit: { limit: 5, period: '1m' },
    tier: 'premium',
  });
  expect(await patterns(created.id)).toEqual(['order.created', 'refund.*']);
});

test('secrets and header values are encrypted at rest, each for its own row', async () => {
  const { id, secret } = await create({ headers: { 'x-api-key': 'hunter2' } });
  const { pool, keyring } = api.deps;
  const stored = await pool.query(
    `SELECT e.headers_encrypted, s.id, s.secret_encrypted FROM endpoints e JOIN endpoint_secrets s ON s.endpoint_id = e.id
     WHERE e.id = $1`,
    [toUuid(id)],
  );
  const { headers_encrypted: headers, id: secretId, secret_encrypted: sealed } = stored.rows[0];
  expect(headers.includes('hunter2') || sealed.includes(secret)).toBe(false);
  expect(keyring.decrypt(headers, `endpoints/${toUuid(id)}/headers`)).toBe('{"x-api-key":"hunter2"}');
  expect(keyring.decrypt(sealed, `endpoint_secrets/${secretId.replaceAll('-', '')}`)).toBe(secret);
  expect((await row((await create()).id)).headers_encrypted).toBeNull();
});

test('an exponential is written out as its schedule, capped', async () => {
  const retry = { maxAttempts: 6, initialInterval: '2s', factor: 3, maxInterval: '30s' };
  expect((await create({ retry })).retry).toEqual({ schedule: ['2s', '6s', '18s', '30s', '30s'] });
  expect((await create({ retry: { maxAttempts: 5 } })).retry).toEqual({ schedule: ['5s', '30s', '3m', '18m'] });
  expect((await create({ retry: { maxAttempts: 1 } })).retry).toEqual({ schedule: [] });
});

test.each([
  ['an address that is none', { url: 'example' }, '#/url'],
  ['another scheme', { url: 'ftp://example.com/' }, '#/url'],
  ['an address inside', { url: 'http://10.0.0.1/' }, '#/url'],
  ['a pattern with a star in the middle', { eventTypes: ['order.*.created'] }, '#/eventTypes/0'],
  ['a pattern of a bare prefix', { eventTypes: ['order*'] }, '#/eventTypes/0'],
  ['a channel with a space', { channels: ['a b'] }, '#/channels/0'],
  ['a header that signs', { headers: { 'Webhook-Signature': 'v1,x' } }, '#/headers/Webhook-Signature'],
  ['a header of the connection', { headers: { 'transfer-encoding': 'chunked' } }, '#/headers/transfer-encoding'],
  ['a header given twice', { headers: { 'X-A': '1', 'x-a': '2' } }, '#/headers/x-a'],
  ['a header with a line break', { headers: { 'x-a': 'a\r\nb: c' } }, '#/headers/x-a'],
  ['a masked header', { headers: { 'x-a': '********' } }, '#/headers/x-a'],
  ['too many retries', { retry: { schedule: Array.from({ length: 31 }, () => '1s') } }, '#/retry/schedule'],
  ['a retry after more than a week', { retry: { schedule: ['8d'] } }, '#/retry/schedule/0'],
  ['two kinds of retry', { retry: { schedule: [], maxAttempts: 3 } }, '#/retry'],
  ['a timeout over half a minute', { timeout: '31s' }, '#/timeout'],
  ['a timeout in words', { timeout: 'soon' }, '#/timeout'],
  ['a rate of nothing', { rateLimit: { limit: 0 } }, '#/rateLimit/limit'],
  ['an unknown tier', { tier: 'gold' }, '#/tier'],
  ['a short secret', { secret: `whsec_${Buffer.alloc(23).toString('base64')}` }, '#/secret'],
  ['a secret without prefix', { secret: Buffer.alloc(32).toString('base64') }, '#/secret'],
  ['metadata that is no text', { metadata: { a: 1 } }, '#/metadata/a'],
])('%s is refused', async (_name, body, pointer) => {
  const answer = await api.call('POST', '/v1/endpoints', { body: { url: URL, ...body } });
  expect(answer.status).toBe(422);
  expect(pointers(answer.body)).toContain(pointer);
});

test('a change is a merge patch, and makes a new version if a delivery could notice it', async () => {
  const { id, path } = await create({
    headers: { 'x-a': '1', 'x-b': '2' },
    metadata: { a: '1', b: '2' },
    rateLimit: { limit: 1 },
  });
  const patch = (body: object, headers?: Record<string, string>) =>
    api.call('PATCH', path, { body, ...(headers === undefined ? {} : { headers }) });
  const described = await patch({ description: 'new', metadata: { a: null, c: '3' } });
  expect(described.body).toMatchObject({ description: 'new', metadata: { b: '2', c: '3' }, version: 1 });
  const changed = await patch({
    headers: { 'X-A': null, 'x-c': '3' },
    rateLimit: null,
    timeout: '3s',
    eventTypes: ['a.*'],
  });
  expect(changed.body).toMatchObject({
    headers: { 'x-b': '********', 'x-c': '********' },
    rateLimit: null,
    timeout: '3s',
    description: 'new',
    version: 2,
  });
  const sealed = (await row(id)).headers_encrypted;
  expect(JSON.parse(api.deps.keyring.decrypt(sealed, `endpoints/${toUuid(id)}/headers`))).toEqual({
    'x-b': '2',
    'x-c': '3',
  });
  expect(await patterns(id)).toEqual(['a.*']);
  const merged = await patch({ eventTypes: [], retry: null }, { 'content-type': 'application/merge-patch+json' });
  expect(merged.body).toMatchObject({ eventTypes: [], retry: { schedule: ['5s', '30s', '3m', '18m'] }, version: 3 });
  expect(await patterns(id)).toEqual(['*']);
  expect((await patch({ url: 'http://10.0.0.1/' })).status).toBe(422);
  expect((await patch({ state: 'disabled' })).body.errors).toEqual([
    { in: 'body', pointer: '#/state', detail: 'is not a known field' },
  ]);
  expect((await api.call('GET', path)).body.version).toBe(3);
});

test('concurrent changes of different fields all stay', async () => {
  const { path } = await create();
  const names = Array.from({ length: 10 }, (_, index) => `key-${index}`);
  await Promise.all(
    names.map((name) => api.call('PATCH', path, { body: { metadata: { [name]: 'x' }, timeout: '5s' } })),
  );
  const { body } = await api.call('GET', path);
  expect(Object.keys(body.metadata).sort()).toEqual(names);
  expect(body.version).toBe(11);
});

test('a paused endpoint keeps its subscriptions, a disabled one has none, an enabled one has them again', async () => {
  const { id, path } = await create({ eventTypes: ['a.b', 'c.*'] });
  const move = async (command: string, body?: object) => (await api.call('POST', `${path}/${command}`, { body })).body;
  expect(await move('pause', { reason: 'maintenance' })).toMatchObject({
    state: 'paused',
    stateReason: 'maintenance',
    version: 2,
  });
  expect(await patterns(id)).toEqual(['a.b', 'c.*']);
  expect(await move('disable')).toMatchObject({ state: 'disabled', stateReason: null, version: 3 });
  expect(await patterns(id)).toEqual([]);
  expect((await api.call('PATCH', path, { body: { eventTypes: ['d'] } })).body.eventTypes).toEqual(['d']);
  expect(await patterns(id)).toEqual([]);
  expect(await move('disable')).toMatchObject({ version: 4 });
  expect(await move('enable')).toMatchObject({ state: 'enabled', version: 5 });
  expect(await patterns(id)).toEqual(['d']);
  const states = async (state: string) => (await api.call('GET', `/v1/endpoints?state=${state}`)).body.data;
  await move('pause');
  expect((await states('paused')).map((endpoint: { id: string }) => endpoint.id)).toEqual([id]);
});

test('a disabled endpoint is not paused, which would make it get messages again', async () => {
  const { id, path } = await create();
  await api.call('POST', `${path}/disable`);
  const refused = await api.call('POST', `${path}/pause`, { body: { reason: 'maintenance' } });
  expect(refused.status).toBe(409);
  expect(refused.body).toMatchObject({
    type: '/docs/problems#wrong-state',
    detail: 'A disabled endpoint gets no messages to hold: enable it first.',
  });
  expect((await api.call('GET', path)).body).toMatchObject({ state: 'disabled', version: 2 });
  expect(await patterns(id)).toEqual([]);
});

test('enabling lets held deliveries go on, after the change is committed', async () => {
  const { id, path } = await create();
  await api.call('POST', `${path}/pause`);
  const published = await api.call('POST', '/v1/messages', { body: { eventType: 'held.one', payload: {} } });
  const delivery = published.body.deliveries.find(({ endpointId }: { endpointId: string }) => endpointId === id);
  const state = async () => (await api.call('GET', `/v1/deliveries/${delivery.id}`)).body.state;
  expect(await state()).toBe('held');
  expect((await api.call('POST', `${path}/enable`)).status).toBe(200);
  expect(await state()).toBe('pending');
});

test('a deleted endpoint is gone for everybody, and wants nothing', async () => {
  const { id, path } = await create();
  expect((await api.call('DELETE', path)).status).toBe(204);
  for (const [method, suffix] of [
    ['GET', ''],
    ['DELETE', ''],
    ['PATCH', ''],
    ['POST', '/enable'],
    ['GET', '/secret'],
  ] as const) {
    expect([
      suffix,
      (await api.call(method, path + suffix, { body: method === 'GET' ? undefined : {} })).status,
    ]).toEqual([suffix, 404]);
  }
  expect(await patterns(id)).toEqual([]);
  expect(await row(id)).toMatchObject({ version: 2, deleted_at: expect.any(Date) });
});

test('a rotated secret goes on signing beside the new one for the overlap', async () => {
  const { id, path, secret: first } = await create();
  const second = newSecret();
  const rotate = (body?: object) => api.call('POST', `${path}/secret/rotate`, { body });
  const rotated = await rotate({ secret: second });
  expect(rotated.body).toMatchObject({ secret: second, previous: [{ secret: first }] });
  const ends = new Date(rotated.body.previous[0].expiresAt).getTime();
  expect(Math.abs(ends - Date.now() - 86_400_000)).toBeLessThan(60_000);
  expect((await row(id)).version).toBe(2);
  expect((await rotate({ secret: first })).body.errors[0].pointer).toBe('#/secret');

  const third = await rotate({ overlap: '0s' });
  expect(third.body.secret).toMatch(/^whsec_/);
  expect(third.body.previous).toEqual([]);
  expect((await api.call('GET', `${path}/secret`)).body).toEqual(third.body);
  const { rowCount } = await api.deps.pool.query('SELECT FROM endpoint_secrets WHERE endpoint_id = $1', [toUuid(id)]);
  expect(rowCount).toBe(1);
  expect((await rotate({ overlap: '8d' })).body.errors[0].pointer).toBe('#/overlap');
});

test('at most ten secrets sign at once', async () => {
  const { path } = await create();
  for (let live = 1; live < 10; live++) expect((await api.call('POST', `${path}/secret/rotate`)).status).toBe(200);
  expect((await api.call('POST', `${path}/secret/rotate`)).status).toBe(409);
  expect((await api.call('POST', `${path}/secret/rotate`, { body: { overlap: '0s' } })).body.previous).toEqual([]);
});

test('reading an endpoint does not show its secrets, and the scopes for that are their own', async () => {
  const { path, secret } = await create();
  const key = await api.newKey(['endpoints:read', 'endpoints:write']);
  expect((await api.call('GET', path, { key })).text).not.toContain(secret);
  expect((await api.call('GET', `${path}/secret`, { key })).status).toBe(403);
  expect((await api.call('POST', `${path}/secret/rotate`, { key })).status).toBe(403);
});

test('an entry "__proto__", which would be lost on the way, is refused', async () => {
  const endpoint = '{"url":"https://example.com/","metadata":{"__proto__":"x"}}';
  const headers = '{"url":"https://example.com/","headers":{"__proto__":"x"}}';
  const order =
    '{"merchantId":"mer_00000000000000000000000000000000","amount":"1","currency":"EUR","metadata":{"__proto__":"x"}}';
  for (const [path, body, pointer] of [
    ['/v1/endpoints', endpoint, '#/metadata'],
    ['/v1/endpoints', headers, '#/headers'],
    ['/v1/orders', order, '#/metadata'],
  ] as const) {
    const answer = await api.call('POST', path, { body, headers: { 'content-type': 'application/json' } });
    const errors = [{ pointer, detail: expect.stringContaining('__proto__') }];
    expect([answer.status, answer.body.errors]).toMatchObject([422, errors]);
  }
});

test('whatever valid settings are given are read back the same, also after being sent back', async () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}(\.[a-z0-9]{1,8}){0,2}$/);
  const delay = fc.integer({ min: 1, max: 604_800_000 }).map((ms) => `${ms}ms`);
  const settings = fc.record({
    description: fc.string({ unit: 'grapheme', maxLength: 50 }).filter((text) => !/[\0\p{Surrogate}]/u.test(text)),
    eventTypes: fc.uniqueArray(
      fc.oneof(
        name,
        name.map((prefix) => `${prefix}.*`),
        fc.constant('*'),
      ),
      { maxLength: 5 },
    ),
    channels: fc.uniqueArray(fc.stringMatching(/^[a-z:]{1,20}$/), { maxLength: 5 }),
    metadata: fc.dictionary(
      fc.stringMatching(/^[a-zA-Z_ ]{1,20}$/).filter((key) => key !== '__proto__'),
      fc.string({ maxLength: 30 }).filter((text) => !text.includes('\0')),
    ),
    retry: fc.record({ schedule: fc.array(delay, { maxLength: 30 }) }),
    timeout: fc.integer({ min: 1_000, max: 30_000 }).map((ms) => `${ms}ms`),
    tier: fc.constantFrom('premium', 'standard', 'bulk'),
  });
  await fc.assert(
    fc.asyncProperty(settings, async (given) => {
      const { path, ...created } = await create(given);
      const { description, eventTypes, channels, metadata, retry, timeout, tier } = created;
      expect({ description, eventTypes, channels, metadata, tier }).toEqual({
        description: given.description,
        eventTypes: given.eventTypes,
        channels: given.channels,
        metadata: given.metadata,
        tier: given.tier,
      });
      const again = await api.call('PATCH', path, { body: { eventTypes, channels, retry, timeout, tier } });
      expect(again.body).toMatchObject({ eventTypes, channels, retry, timeout, tier, version: 2 });
    }),
    { numRuns: 40 },
  );
});
