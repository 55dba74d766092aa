import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi(
    {},
    {
      WAYBILL_DATABASE_CONNECTIONS: '2',
      WAYBILL_DATABASE_READ_CONNECTIONS: '2',
      WAYBILL_DATABASE_READ_TIMEOUT: '500ms',
    },
  );
});
afterAll(() => api.close());

const READS = 30;

test('lists that are stuck, more than there are connections, hold up no publishing; they are told what is wrong', async () => {
  const locker = await api.pipeline.database.pool.connect();
  await locker.query('BEGIN');
  await locker.query('LOCK TABLE replays IN ACCESS EXCLUSIVE MODE');
  const reads = Array.from({ length: READS }, () => api.call('GET', '/v1/replays'));
  let stuck = true;
  const ended = Promise.all(reads).finally(() => {
    stuck = false;
  });

  let published = 0;
  let slowestMs = 0;
  while (stuck) {
    const startedAt = performance.now();
    const { status } = await api.call('POST', '/v1/messages', { body: { eventType: 'order.created', payload: 1 } });
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    expect(status).toBe(202);
    published++;
  }
  expect(published).toBeGreaterThan(READS);
  expect(slowestMs).toBeLessThan(5_000);

  const details = new Set<string>();
  for (const { status, headers, body } of await ended) {
    expect([status, headers['retry-after'], body.type]).toEqual([503, '1', '/docs/problems#unavailable']);
    details.add(body.detail);
  }
  expect([...details].sort()).toEqual([
    'All connections to the database are busy with other requests of this kind.',
    'This took the database too long: ask for less, or later.',
  ]);
  await locker.query('ROLLBACK');
  locker.release();
  expect((await api.call('GET', '/v1/replays')).status).toBe(200);
});

test('the metrics tell the two pools apart, and are measured with the connections for reading', async () => {
  const text = await api.deps.metrics.registry.metrics();
  expect(text).toContain('postgres_pool_connections{pool="main",state="waited-for"} 0');
  expect(text).toMatch(/postgres_pool_connections\{pool="reads",state="open"\} [12]\n/);
});
