import fc from 'fast-check';
import { newId, newIdAt, type PublicId, toUuid } from '../../../core/ids';
import { readDeadLetterStats } from '../../../domains/webhooks/store/dead-letter-stats';
import { ADMIN_KEY, createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const REASONS = ['exhausted', 'gone', 'endpoint-disabled'];
const TYPES = ['a.b', 'a.c', 'd'];
const STATES = ['open', 'retried', 'discarded'];
const HOUR_MS = 3_600_000;

interface Letter {
  endpoint: number;
  type: number;
  reason: number;
  state: number;
  hoursAgo: number;
  status: number | null;
}

async function newEndpoint(): Promise<PublicId> {
  return (await api.call('POST', '/v1/endpoints', { body: { url: 'http://127.0.0.1:9/' } })).body.id;
}

async function store(
  tenantId: string,
  endpoints: readonly PublicId[],
  letters: readonly Letter[],
): Promise<PublicId[]> {
  const ids: PublicId[] = [];
  for (const { endpoint, type, reason, state, hoursAgo, status } of letters) {
    const at = Date.now() - hoursAgo * HOUR_MS;
    const id = newIdAt('dl', at);
    ids.push(id);
    await api.deps.pool.query(
      `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                                 attempts, state, created_at, place)
       VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 1, $8, $9, $1)`,
      [
        toUuid(id),
        toUuid(tenantId),
        toUuid(newId('dlv')),
        toUuid(endpoints[endpoint] ?? ''),
        TYPES[type],
        REASONS[reason],
        status,
        STATES[state],
        new Date(at),
      ],
    );
  }
  return ids;
}

const letter = fc.record({
  endpoint: fc.nat(2),
  type: fc.nat(2),
  reason: fc.nat(2),
  state: fc.nat(2),
  hoursAgo: fc.nat(30),
  status: fc.constantFrom(null, 404, 500, 503),
});

test('statistics equal a recount of what is open', async () => {
  const endpoints = [await newEndpoint(), await newEndpoint(), await newEndpoint()];
  await fc.assert(
    fc.asyncProperty(fc.array(letter, { maxLength: 25 }), async (letters) => {
      await api.deps.pool.query('DELETE FROM dead_letters WHERE tenant_id = $1', [toUuid(api.tenantId)]);
      await store(api.tenantId, endpoints, letters);
      const open = letters.filter(({ state }) => state === 0);
      const stats = await readDeadLetterStats(api.deps.pool, api.tenantId, {});
      expect([stats.open, stats.complete]).toEqual([open.length, true]);
      const recount = (keyOf: (one: Letter) => string | undefined) => {
        const groups = new Map<string | undefined, number>();
        for (const one of open) groups.set(keyOf(one), (groups.get(keyOf(one)) ?? 0) + 1);
        return [...groups].sort();
      };
      const counted = (groups: { value: string; count: number }[]) =>
        groups.map(({ value, count }) => [value, count]).sort();
      expect(counted(stats.byReason)).toEqual(recount(({ reason }) => REASONS[reason]));
      expect(counted(stats.byEventType)).toEqual(recount(({ type }) => TYPES[type]));
      expect(counted(stats.byEndpoint)).toEqual(recount(({ endpoint }) => endpoints[endpoint]));
      expect(stats.byHour.reduce((sum, { count }) => sum + count, 0)).toBe(open.length);
      expect(stats.byHour.map(({ value }) => value.getTime() % HOUR_MS)).toEqual(stats.byHour.map(() => 0));
      const oldest = Math.max(...open.map(({ hoursAgo }) => hoursAgo));
      if (open.length > 0) expect(Date.now() - (stats.oldestAt?.getTime() ?? 0)).toBeCloseTo(oldest * HOUR_MS, -5);
      const one = await readDeadLetterStats(api.deps.pool, api.tenantId, { endpointId: endpoints[1] });
      expect(one.open).toBe(open.filter(({ endpoint }) => endpoint === 1).length);
    }),
    { numRuns: 15 },
  );
});

test('dead letters are listed by state, status class, reason, type and time, and counted by the API', async () => {
  const { tenantId, key } = await api.newTenant();
  const mine = { key, body: { url: 'http://127.0.0.1:9/' } };
  const endpointId: PublicId = (await api.call('POST', '/v1/endpoints', mine)).body.id;
  const base = { endpoint: 0, type: 0, reason: 0, state: 0, hoursAgo: 0, status: null };
  const [plain, refused, broken, old, retried, discarded] = await store(
    tenantId,
    [endpointId],
    [
      base,
      { ...base, status: 404, reason: 1 },
      { ...base, status: 503, type: 1 },
      { ...base, hoursAgo: 5, status: 500 },
      { ...base, state: 1 },
      { ...base, state: 2 },
    ],
  );
  const ids = async (query: string) =>
    (await api.call('GET', `/v1/dead-letters?${query}`, { key })).body.data.map(({ id }: { id: string }) => id).sort();
  const sorted = (...wanted: (PublicId | undefined)[]) => wanted.sort();
  expect(await ids('')).toEqual(sorted(plain, refused, broken, old));
  expect(await ids('statusClass=none')).toEqual([plain]);
  expect(await ids('statusClass=4xx')).toEqual([refused]);
  expect(await ids('statusClass=5xx')).toEqual(sorted(broken, old));
  expect(await ids('statusClass=5xx&eventType=a.c')).toEqual([broken]);
  expect(await ids('reason=gone')).toEqual([refused]);
  expect(await ids('state=resolved')).toEqual(sorted(retried, discarded));
  expect(await ids('state=any')).toHaveLength(6);
  expect(await ids(`until=${new Date(Date.now() - HOUR_MS).toISOString()}`)).toEqual([old]);
  expect(await ids(`endpointId=${endpointId}&statusClass=5xx`)).toEqual(sorted(broken, old));
  expect((await api.call('GET', '/v1/dead-letters?statusClass=6xx', { key })).status).toBe(422);

  const { body } = await api.call('GET', '/v1/dead-letters/stats', { key });
  expect(body).toMatchObject({ open: 4, complete: true, byEndpoint: [{ endpointId, count: 4 }] });
  expect(body.oldestAgeSeconds).toBeGreaterThan(4 * 3_600);
  const later = `/v1/dead-letters/stats?since=${new Date(Date.now() - HOUR_MS).toISOString()}`;
  expect((await api.call('GET', later, { key })).body.open).toBe(3);
  expect((await api.call('GET', '/v1/dead-letters/stats')).body.byEndpoint).not.toContainEqual(
    expect.objectContaining({ endpointId }),
  );
});

test('a dead letter is discarded with a reason, which the audit log keeps', async () => {
  const { tenantId, key } = await api.newTenant();
  const mine = { key, body: { url: 'http://127.0.0.1:9/' } };
  const endpointId: PublicId = (await api.call('POST', '/v1/endpoints', mine)).body.id;
  const base = { endpoint: 0, type: 0, reason: 0, state: 0, hoursAgo: 0, status: null };
  const [id] = await store(tenantId, [endpointId], [base]);
  const path = `/v1/dead-letters/${id}/discard`;
  expect((await api.call('POST', path, { key })).status).toBe(422);
  expect((await api.call('POST', path, { key, body: { reason: '' } })).status).toBe(422);
  const open = async () => (await api.call('GET', '/v1/dead-letters/stats', { key })).body.open;
  expect([await open(), await open()]).toEqual([1, 1]);
  const discard = () => api.call('POST', path, { key, body: { reason: 'sent by hand' } });
  expect((await discard()).body).toMatchObject({ state: 'discarded', resolvedReason: 'sent by hand' });
  expect(await open()).toBe(0);
  await discard();
  const { rows } = await api.deps.pool.query(
    'SELECT actor, action, subject, payload FROM finance_audit_log WHERE tenant_id = $1',
    [toUuid(tenantId)],
  );
  expect(rows).toEqual([
    {
      actor: expect.stringMatching(/^key_/),
      action: 'dead_letter.discarded',
      subject: id,
      payload: expect.objectContaining({ reason: 'sent by hand', endpointId }),
    },
  ]);
});

test('an operator sees what the caches do, and empties them, which the audit log keeps', async () => {
  const { tenantId, key } = await api.newTenant();
  const operator = { key: ADMIN_KEY };
  const endpointId: PublicId = (await api.call('POST', '/v1/endpoints', { key, body: { url: 'http://127.0.0.1:9/' } }))
    .body.id;
  const open = async () => (await api.call('GET', '/v1/dead-letters/stats', { key })).body.open;
  const counts = async () => (await api.call('GET', '/v1/cache/stats', operator)).body.namespaces['dead-letter-counts'];
  const before = await counts();
  expect([await open(), await open()]).toEqual([0, 0]);
  const after = await counts();
  expect(after.misses - before.misses).toBe(1);
  expect(after.hits.local - before.hits.local).toBe(1);
  expect(await api.pipeline.platform.metrics.registry.metrics()).toMatch(
    /cache_hits_total{namespace="dead-letter-counts",tier="local"} [1-9]/,
  );

  await store(tenantId, [endpointId], [{ endpoint: 0, type: 0, reason: 0, state: 0, hoursAgo: 0, status: null }]);
  const clear = (body: object, call: object = operator) => api.call('POST', '/v1/cache/clear', { ...call, body });
  const namespace = 'dead-letter-counts';
  expect((await clear({ namespace, tag: tenantId }, { key })).status).toBe(403);
  expect((await api.call('GET', '/v1/cache/stats', { key })).status).toBe(403);
  expect((await clear({ namespace })).body.errors).toEqual([expect.objectContaining({ pointer: '#/pattern' })]);
  const unknown = await clear({ namespace: 'unknown', pattern: '*' });
  expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([422, '#/namespace']);
  expect(unknown.body.errors[0].detail).toContain(namespace);
  expect((await clear({ namespace, tag: tenantId })).body).toMatchObject({ namespace });
  expect(await open()).toBe(1);
  for (const pattern of ['*', `${tenantId}*`]) expect((await clear({ namespace, pattern })).status).toBe(200);
  const { rows } = await api.deps.pool.query(
    "SELECT subject, payload FROM finance_audit_log WHERE action = 'cache.cleared' ORDER BY seq",
  );
  expect(rows).toEqual([
    { subject: namespace, payload: { tag: tenantId } },
    { subject: namespace, payload: { pattern: '*' } },
    { subject: namespace, payload: { pattern: `${tenantId}*` } },
  ]);
});
