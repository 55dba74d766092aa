import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import request from 'supertest';
import { ADMIN_KEY, createApi, listen, type TestApi, type TestAppDeps } from '../../support/api-support';
import { Gate, gatedPool, runOutLocks, until } from '../../support/idempotency-support';
import { expectProblem, expectReplay, NEW_KEY, repeatedCalls } from '../../support/repeated-calls';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const { create, query, count, works } = repeatedCalls(() => api);

describe('a process that stops half-way', () => {
  /** Another process whose statements of one name, or transactions, wait at a gate. */
  async function process(at: string): Promise<{ server: Server; gate: Gate }> {
    const gate = new Gate();
    gate.close();
    const deps: TestAppDeps = { ...api.deps, pool: gatedPool(api.deps.pool, at, gate) };
    return { server: await listen(deps), gate };
  }

  const send = (server: Server, path: string, key: string, body: object) =>
    request(server)
      .post(path)
      .set({ authorization: `Bearer ${api.key}`, 'idempotency-key': key })
      .send(body)
      .ok(() => true);

  const close = (server: Server) => new Promise((resolve) => server.close(resolve));

  test('between the effect and its record is taken over: one API key, whose secret is the one that was shown', async () => {
    const { server, gate } = await process('complete-idempotency-record');
    const key = randomUUID();
    const name = randomUUID();
    const slow = send(server, '/v1/api-keys', key, { ...NEW_KEY, name }).then((answer) => answer);
    await until(() => gate.arrivals === 1);
    expect(await count('api_keys', name)).toBe(1);
    const body = { ...NEW_KEY, name };
    const early = await create(key, { body });
    expectProblem(early, 409, 'idempotency-key-in-use');
    expect(early.get('retry-after')).toBe('1');

    await runOutLocks(api.deps.pool);
    const resumed = await create(key, { body });
    expect([resumed.status, resumed.get('idempotent-replayed')]).toEqual([201, undefined]);
    expect(await count('api_keys', name)).toBe(1);
    expect(await works(resumed.body.key)).toBe(true);

    // The slow process comes back: it may not store its answer, and returns the stored one.
    gate.open();
    expectReplay(await slow, resumed);
    expectReplay(await create(key, { body }), resumed);
    expect(await works(resumed.body.key)).toBe(true);
    const [record] = await query('SELECT attempt FROM idempotency_records WHERE key = $1', key);
    expect(record).toEqual({ attempt: 2 });
    await close(server);
  });

  test('before the effect and comes back too late has none', async () => {
    const { server, gate } = await process('connect');
    const key = randomUUID();
    const name = randomUUID();
    const body = { ...NEW_KEY, name };
    const slow = send(server, '/v1/api-keys', key, body).then((answer) => answer);
    await until(() => gate.arrivals === 1);
    await runOutLocks(api.deps.pool);
    const resumed = await create(key, { body });
    expect(resumed.status).toBe(201);
    gate.open();
    expectReplay(await slow, resumed);
    expect(await count('api_keys', name)).toBe(1);
    // Had the late one been let in, this secret would have been replaced.
    expect(await works(resumed.body.key)).toBe(true);
    await close(server);
  });

  test('in a rotation is taken over, although the old key has ended by then', async () => {
    const old = (await create(randomUUID())).body;
    const { server, gate } = await process('complete-idempotency-record');
    const key = randomUUID();
    const path = `/v1/api-keys/${old.id}/rotate`;
    const slow = send(server, path, key, { overlap: '0s' }).then((answer) => answer);
    await until(() => gate.arrivals === 1);
    await runOutLocks(api.deps.pool);
    const before = await count('api_keys');
    const resumed = await api.call('POST', path, { idempotencyKey: key, body: { overlap: '0s' } });
    expect(resumed.status).toBe(201);
    expect(await count('api_keys')).toBe(before);
    expect(await works(resumed.body.key)).toBe(true);
    gate.open();
    expectReplay(await slow, resumed);
    await close(server);
  });

  test.each([
    ['tenants', '/v1/tenants', { name: 'x' }],
    ['endpoints', '/v1/endpoints', { url: 'http://127.0.0.1:65001/' }],
  ])('is taken over without a second one: %s', async (table, path, body) => {
    const { server, gate } = await process('complete-idempotency-record');
    const idempotencyKey = randomUUID();
    const caller = table === 'tenants' ? ADMIN_KEY : api.key;
    const slow = send(server, path, idempotencyKey, body)
      .set('authorization', `Bearer ${caller}`)
      .then((answer) => answer);
    await until(() => gate.arrivals === 1);
    await runOutLocks(api.deps.pool);
    const before = await count(table);
    const resumed = await api.call('POST', path, { key: caller, idempotencyKey, body });
    expect(resumed.status).toBe(201);
    expect(await count(table)).toBe(before);
    gate.open();
    expectReplay(await slow, resumed);
    await close(server);
  });

  test('is taken over without a second secret or test message', async () => {
    const { body: endpoint } = await api.call('POST', '/v1/endpoints', { body: { url: 'http://127.0.0.1:65001/' } });
    for (const [path, status] of [
      [`/v1/endpoints/${endpoint.id}/secret/rotate`, 200],
      [`/v1/endpoints/${endpoint.id}/test`, 202],
    ] as const) {
      const { server, gate } = await process('complete-idempotency-record');
      const idempotencyKey = randomUUID();
      const slow = send(server, path, idempotencyKey, {}).then((answer) => answer);
      await until(() => gate.arrivals === 1);
      await runOutLocks(api.deps.pool);
      const before = [await count('endpoint_secrets'), await count('messages')];
      const resumed = await api.call('POST', path, { idempotencyKey, body: {} });
      expect(resumed.status).toBe(status);
      expect([await count('endpoint_secrets'), await count('messages')]).toEqual(before);
      gate.open();
      expectReplay(await slow, resumed);
      await close(server);
    }
  });
});

test('while Postgres cannot store the answer the client is told to repeat, and then gets what was made', async () => {
  const name = randomUUID();
  const key = randomUUID();
  const pool = new Proxy(api.deps.pool, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property !== 'query') return value.bind(target);
      return (config: { name?: string }) =>
        config.name === 'complete-idempotency-record'
          ? Promise.reject(Object.assign(new Error('gone'), { code: '57P01' }))
          : Reflect.apply(value, target, [config]);
    },
  });
  const server = await listen({ ...api.deps, pool });
  const failed = await request(server)
    .post('/v1/api-keys')
    .set({ authorization: `Bearer ${api.key}`, 'idempotency-key': key })
    .send({ ...NEW_KEY, name });
  expectProblem(failed, 503, 'unavailable');
  expect(failed.get('retry-after')).toBe('1');
  // At once: the lock was released.
  const repeated = await create(key, { body: { ...NEW_KEY, name } });
  expect(repeated.status).toBe(201);
  expect(await count('api_keys', name)).toBe(1);
  expect(await works(repeated.body.key)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
