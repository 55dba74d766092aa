import type { Pool, QueryConfig } from 'pg';
import request from 'supertest';
import { toUuid } from '../../../core/ids';
import { createApi, listen, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
});
afterAll(() => api.close());

const BECAUSE = { body: { reason: 'sent by hand' } };

/** Nobody listens there, so every attempt fails at once. */
const NOBODY = 'http://127.0.0.1:9/';

async function endpoint(retry: string[], extra: object = {}): Promise<string> {
  const body = { url: NOBODY, retry: { schedule: retry }, ...extra };
  return (await api.call('POST', '/v1/endpoints', { body })).body.id;
}

async function deliver(endpointId: string): Promise<string> {
  const { body } = await api.call('POST', `/v1/endpoints/${endpointId}/test`);
  return body.deliveries[0].id;
}

async function until<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`not reached: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const read = async (id: string) => (await api.call('GET', `/v1/deliveries/${id}`)).body;
const attempted = (id: string, attempts: number) =>
  until(
    () => read(id),
    (delivery) => delivery.attempts === attempts && !delivery.attempting,
  );
const list = async (path: string) => (await api.call('GET', path)).body.data;

test('a delivery says where it is, and its attempts what happened', async () => {
  const id = await deliver(await endpoint(['1h']));
  const delivery = await attempted(id, 1);
  expect(delivery).toMatchObject({
    id,
    eventType: 'waybill.test',
    state: 'retrying',
    attempts: 1,
    lastStatus: null,
    lastError: expect.stringMatching(/\w/),
    workflowUrl: expect.stringContaining('127.0.0.1:8233'),
  });
  expect(new Date(delivery.nextAttemptAt).getTime()).toBeGreaterThan(Date.now() + 2_000_000);
  const [attempt] = await list(`/v1/deliveries/${id}/attempts`);
  expect(attempt).toMatchObject({ deliveryId: id, number: 1, trigger: 'accept', outcome: 'failed', status: null });
  expect((await api.call('GET', `/v1/deliveries/${id}/attempts/${attempt.id}`)).body).toEqual(attempt);
});

test('a retry is made now, and accepted with the workflow that makes it', async () => {
  const id = await deliver(await endpoint(['1h', '1h']));
  await attempted(id, 1);
  const answer = await api.call('POST', `/v1/deliveries/${id}/retry`);
  expect(answer.status).toBe(202);
  expect(answer.headers.location).toBe(`/v1/deliveries/${id}`);
  expect(answer.body).toMatchObject({ id, workflowId: expect.any(String), workflowUrl: expect.any(String) });
  await attempted(id, 2);
  const attempts = await list(`/v1/deliveries/${id}/attempts`);
  expect(attempts.map(({ number }: { number: number }) => number)).toEqual([1, 2]);
});

test('a cancelled delivery stays so, and further commands say what it is', async () => {
  const id = await deliver(await endpoint(['1h']));
  await attempted(id, 1);
  expect((await api.call('POST', `/v1/deliveries/${id}/cancel`)).status).toBe(202);
  expect(await read(id)).toMatchObject({ state: 'cancelled', nextAttemptAt: null });
  const again = await api.call('POST', `/v1/deliveries/${id}/cancel`);
  expect([again.status, again.body.type]).toEqual([409, '/docs/problems#wrong-state']);
  expect(again.body.detail).toMatch(/^It is cancelled: /);
  expect((await api.call('POST', `/v1/deliveries/${id}/retry`)).status).toBe(409);
});

test('a command during an attempt is told to come back', async () => {
  const id = await deliver(await endpoint(['1h']));
  await attempted(id, 1);
  await api.deps.pool.query(
    `UPDATE deliveries SET claim = gen_random_uuid(), next_attempt_at = now() + interval '1 minute' WHERE id = $1`,
    [toUuid(id)],
  );
  expect(await read(id)).toMatchObject({ attempting: true, nextAttemptAt: null });
  const answer = await api.call('POST', `/v1/deliveries/${id}/retry`);
  expect([answer.status, answer.body.type]).toEqual([409, '/docs/problems#attempt-in-flight']);
  expect(answer.headers['retry-after']).toBe('1');
});

test('a delivery that was given up is a dead letter, which is retried from the start or discarded, once', async () => {
  const endpointId = await endpoint([]);
  const [first, second] = [await deliver(endpointId), await deliver(endpointId)];
  const letters = await until(
    () => list(`/v1/dead-letters?endpointId=${endpointId}`),
    (found) => found.length === 2,
  );
  const of = (deliveryId: string | undefined) =>
    letters.find((letter: { deliveryId: string }) => letter.deliveryId === deliveryId).id;
  expect(letters[0]).toMatchObject({ state: 'open', reason: 'exhausted', attempts: 1, resolvedAt: null });
  const detail = (await api.call('GET', `/v1/dead-letters/${letters[0].id}`)).body;
  expect(detail).toEqual({
    ...letters[0],
    attemptHistory: [expect.objectContaining({ number: 1, outcome: 'failed' })],
  });

  const retried = await api.call('POST', `/v1/dead-letters/${of(first)}/retry`);
  expect([retried.status, retried.headers.location]).toEqual([202, `/v1/dead-letters/${of(first)}`]);
  await attempted(first ?? '', 2);
  expect((await api.call('POST', `/v1/dead-letters/${of(first)}/retry`)).status).toBe(409);
  expect((await api.call('POST', `/v1/dead-letters/${of(first)}/discard`, BECAUSE)).body.detail).toMatch(
    /^It is retried: /,
  );

  const discarded = await api.call('POST', `/v1/dead-letters/${of(second)}/discard`, BECAUSE);
  expect(discarded.body).toMatchObject({
    state: 'discarded',
    resolvedAt: expect.any(String),
    resolvedReason: 'sent by hand',
    resolvedBy: expect.stringMatching(/^key_/),
  });
  expect((await api.call('POST', `/v1/dead-letters/${of(second)}/discard`, BECAUSE)).body).toEqual(discarded.body);
  expect((await api.call('POST', `/v1/dead-letters/${of(second)}/retry`)).status).toBe(409);
  expect(
    (await list(`/v1/dead-letters?endpointId=${endpointId}&state=discarded`)).map(({ id }: { id: string }) => id),
  ).toEqual([of(second)]);
});

test('deliveries are listed by state, endpoint, type, message and time', async () => {
  const endpointId = await endpoint(['1h'], { eventTypes: ['list.me'] });
  const published = await api.call('POST', '/v1/messages', { body: { eventType: 'list.me', payload: 1 } });
  const mine = published.body.deliveries.find(
    (delivery: { endpointId: string }) => delivery.endpointId === endpointId,
  ).id;
  const other = await deliver(endpointId);
  await attempted(mine, 1);
  await attempted(other, 1);
  await api.call('POST', `/v1/deliveries/${other}/cancel`);
  const ids = async (query: string) => (await list(`/v1/deliveries?${query}`)).map(({ id }: { id: string }) => id);
  expect((await ids(`endpointId=${endpointId}`)).sort()).toEqual([mine, other].sort());
  expect(await ids(`endpointId=${endpointId}&state=cancelled`)).toEqual([other]);
  expect(await ids(`endpointId=${endpointId}&eventType=list.me`)).toEqual([mine]);
  expect(await ids(`messageId=${published.body.id}&endpointId=${endpointId}`)).toEqual([mine]);
  expect(await ids(`messageId=${published.body.id}&state=cancelled`)).toEqual([]);
  const ofType = await list('/v1/deliveries?eventType=list.me');
  expect(ofType.map(({ id }: { id: string }) => id)).toContain(mine);
  expect(ofType.every(({ eventType }: { eventType: string }) => eventType === 'list.me')).toBe(true);
  for (const filter of [`endpointId=${endpointId}`, `messageId=${published.body.id}`]) {
    expect(await ids(`${filter}&since=2020-01-01T00:00:00Z`)).toContain(mine);
    expect(await ids(`${filter}&until=2020-01-01T00:00:00Z`)).toEqual([]);
    expect(await ids(`${filter}&since=2999-01-01T00:00:00Z`)).toEqual([]);
  }
  expect(await ids(`endpointId=ep_${'0'.repeat(32)}`)).toEqual([]);
  expect((await api.call('GET', '/v1/deliveries?state=lost')).body.errors[0].pointer).toBe('#/state');
  expect((await api.call('GET', '/v1/deliveries?endpointId=7')).body.errors[0].pointer).toBe('#/endpointId');
});

test('while held deliveries cannot be released an enabled endpoint is a 503, and enabling it again helps', async () => {
  const endpointId = await endpoint(['1h']);
  const unreachable = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const server = await listen({ ...api.deps, pool: poolWithout('has-held-or-backlog', unreachable) });
  const answer = await request(server)
    .post(`/v1/endpoints/${endpointId}/enable`)
    .set('authorization', `Bearer ${api.key}`);
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  await new Promise((resolve) => server.close(resolve));
  expect((await api.call('POST', `/v1/endpoints/${endpointId}/enable`)).status).toBe(200);
});

/** The pool, on which the statement of this name fails. */
function poolWithout(name: string, error: Error): Pool {
  const { pool } = api.deps;
  const query = (config: QueryConfig) => (config.name === name ? Promise.reject(error) : pool.query(config));
  return new Proxy(pool, {
    get: (target, property) => (property === 'query' ? query : Reflect.get(target, property, target)),
  });
}
