import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import request, { type Response } from 'supertest';
import { uuidv7 } from 'uuidv7';
import { toUuid } from '../../../core/ids';
import { ADMIN_KEY, createApi, listen, type TestApi } from '../../support/api-support';
import { until } from '../../support/idempotency-support';
import { expectProblem, expectReplay, NEW_KEY, repeatedCalls } from '../../support/repeated-calls';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const { create, query, count, works } = repeatedCalls(() => api);

describe('a repeated request', () => {
  test('has one effect and is answered as the first was, byte for byte', async () => {
    const key = randomUUID();
    const name = randomUUID();
    const first = await create(key, { body: { ...NEW_KEY, name } });
    expect(first.status).toBe(201);
    for (let n = 0; n < 3; n++) expectReplay(await create(key, { body: { ...NEW_KEY, name } }), first);
    expect(await count('api_keys', name)).toBe(1);
    expect(await works(first.body.key)).toBe(true);
  });

  test('is counted by what became of it', async () => {
    const counts = async () => {
      const text = await api.deps.metrics.registry.metrics();
      const count = (outcome: string) =>
        Number(
          new RegExp(`^http_server_idempotent_requests_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ??
            0,
        );
      return ['executed', 'replayed', 'other-request', 'taken-over'].map(count);
    };
    const before = await counts();
    const key = randomUUID();
    await create(key);
    await create(key);
    await create(key, { body: { ...NEW_KEY, name: 'another' } });
    expect(await counts()).toEqual(before.map((count, index) => count + (index < 3 ? 1 : 0)));
  });

  test('is answered by every process, and has its own request id and rate', async () => {
    const key = randomUUID();
    const first = await create(key);
    const other = await listen(api.deps);
    const second = await request(other)
      .post('/v1/api-keys')
      .set({ authorization: `Bearer ${api.key}`, 'idempotency-key': key, 'x-request-id': 'second' })
      .send(NEW_KEY);
    expectReplay(second, first);
    expect(second.get('x-request-id')).toBe('second');
    expect(second.get('ratelimit')).toMatch(/^"default"/);
    await new Promise((resolve) => other.close(resolve));
  });

  test('is the same request in other letters: order of names, whitespace, number form, quotes, case', async () => {
    const key = randomUUID();
    const headers = { 'content-type': 'application/json' };
    const post = (idempotencyKey: string, body: string) =>
      api.call('POST', '/v1/endpoints', { idempotencyKey, headers, body });
    const first = await post(
      key,
      '{"url":"http://127.0.0.1:65001/","timeout":"5s","rateLimit":{"limit":10,"period":"1s"}}',
    );
    expect(first.status).toBe(201);
    const same =
      ' {"rateLimit": {"period":"1s", "limit":1.0e1},\n "url":"http:\\/\\/127.0.0.1:65001/", "timeout":"5s"}';
    expectReplay(await post(`"${key}"`, same), first);
    expectReplay(await post(key.toUpperCase(), same), first);
  });

  test('with another body, path or query is refused and changes nothing', async () => {
    const key = randomUUID();
    const first = await create(key);
    const before = await count('api_keys');
    const other = await create(key, { body: { ...NEW_KEY, name: 'other' } });
    expectProblem(other, 422, 'idempotency-key-reuse');
    expect(other.body.errors).toEqual([
      { in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' },
    ]);
    const [one, another] = [await create(randomUUID()), await create(randomUUID())];
    const rotation = randomUUID();
    const rotate = (id: string) => api.call('POST', `/v1/api-keys/${id}/rotate`, { idempotencyKey: rotation });
    // Only a key with all of another's scopes can rotate it: this one has all.
    expect((await rotate(one.body.id)).status).toBe(201);
    expectProblem(await rotate(another.body.id), 422, 'idempotency-key-reuse');
    expect(await count('api_keys')).toBe(before + 3);
    expectReplay(await create(key), first);
  });

  test('of another tenant or route is another request', async () => {
    const key = randomUUID();
    const stranger = await api.newTenant();
    const answers = [
      await create(key),
      await create(key, { key: stranger.key }),
      await api.call('POST', '/v1/event-types', { idempotencyKey: key, body: { name: `t.${toUuid(`x_${key}`)}` } }),
    ];
    expect(answers.map(({ status, headers }) => [status, headers['idempotent-replayed']])).toEqual(
      Array.from({ length: 3 }, () => [201, undefined]),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(3);
    expect(answers[1]?.body.tenantId).toBe(stranger.tenantId);
    expectReplay(await create(key, { key: stranger.key }), answers[1] as Response);
  });

  test('a hundred times at once, in two processes, has one effect', async () => {
    const key = randomUUID();
    const name = randomUUID();
    const other = await listen(api.deps);
    const post = (server: Server) =>
      request(server)
        .post('/v1/api-keys')
        .set({ authorization: `Bearer ${api.key}`, 'idempotency-key': key })
        .send({ ...NEW_KEY, name });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => post(n % 2 === 0 ? api.server : other).ok(() => true)),
    );
    expect(await count('api_keys', name)).toBe(1);
    const made = answers.filter(({ status }) => status === 201);
    expect(made.filter((answer) => answer.get('idempotent-replayed') === undefined)).toHaveLength(1);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 409, 'idempotency-key-in-use');
      expect(answer.get('retry-after')).toMatch(/^([1-9]|10)$/);
    }
    const last = await post(other);
    expect([last.status, last.text]).toEqual([201, made[0]?.text]);
    expect(await works(last.body.key)).toBe(true);
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('the header', () => {
  test('is needed where the route says so, before the body is looked at', async () => {
    expectProblem(await create(null), 400, 'idempotency-key-missing');
    expectProblem(await create(null, { body: {} }), 400, 'idempotency-key-missing');
    const rotated = await api.call('POST', `/v1/api-keys/key_${'0'.repeat(32)}/rotate`, { idempotencyKey: null });
    expectProblem(rotated, 400, 'idempotency-key-missing');
  });

  test.each(['order-1', '', '00000000-0000-0000-0000-000000000000', '6f1d2c3b-8a4e-1f5a-9b6c-7d8e9f0a1b2c'])(
    'that is no UUID v4 is refused: %j',
    async (key) => {
      expectProblem(await create(key), 400, 'idempotency-key-malformed');
      const optional = await api.call('POST', '/v1/tenants', {
        key: ADMIN_KEY,
        idempotencyKey: key,
        body: { name: 'x' },
      });
      expectProblem(optional, 400, 'idempotency-key-malformed');
    },
  );

  test('is looked at only after key, rate and scope', async () => {
    const weak = await api.newKey(['messages:read']);
    expect((await create(null, { key: null })).status).toBe(401);
    expect((await create('order-1', { key: weak })).status).toBe(403);
  });

  test('is optional for other POSTs, and ignored by GET, PATCH and DELETE', async () => {
    const body = { url: 'http://127.0.0.1:65001/' };
    const [one, two] = [
      await api.call('POST', '/v1/endpoints', { body }),
      await api.call('POST', '/v1/endpoints', { body }),
    ];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.body.id).not.toBe(two.body.id);
    const path = `/v1/endpoints/${one.body.id}`;
    const before = await count('idempotency_records');
    for (const idempotencyKey of ['order-1', randomUUID()]) {
      expect((await api.call('GET', path, { idempotencyKey })).status).toBe(200);
      const patched = await api.call('PATCH', path, { idempotencyKey, body: { description: idempotencyKey } });
      expect(patched.body.description).toBe(idempotencyKey);
    }
    const deleted = [
      await api.call('DELETE', path, { idempotencyKey: 'order-1' }),
      await api.call('DELETE', path, { idempotencyKey: 'order-1' }),
    ];
    expect(deleted.map(({ status }) => status)).toEqual([204, 404]);
    expect(await count('idempotency_records')).toBe(before);
  });

  test('goes on being any text for messages, which keep it with the message', async () => {
    const before = await count('idempotency_records');
    const publish = () =>
      api.call('POST', '/v1/messages', { idempotencyKey: 'order-1', body: { eventType: 'a', payload: 1 } });
    const [first, second] = [await publish(), await publish()];
    expect([second.status, second.body.id, second.body.duplicate]).toEqual([202, first.body.id, true]);
    expect(await count('idempotency_records')).toBe(before);
  });

  test('is in the document with its errors and the header of the repeated answer', async () => {
    const { paths } = JSON.parse((await api.call('GET', '/openapi.json')).text);
    const keyOf = (operation: { parameters?: { name: string; schema?: { pattern?: string } }[] }) =>
      operation.parameters?.find(({ name }) => name === 'idempotency-key');
    const required = paths['/v1/api-keys'].post;
    expect(keyOf(required)).toMatchObject({ in: 'header', required: true, schema: { type: 'string' } });
    const { pattern } = keyOf(required)?.schema ?? {};
    expect([randomUUID(), uuidv7()].map((key) => new RegExp(pattern ?? '').test(key))).toEqual([true, false]);
    expect(required.responses['201'].headers).toMatchObject({ Location: {}, 'Idempotent-Replayed': {} });
    expect(required.responses['400'].description).toMatch(/`idempotency-key-missing`.*`idempotency-key-malformed`/);
    expect(required.responses['409'].description).toMatch(/`idempotency-key-in-use`/);
    expect(required.responses['422'].description).toMatch(/`idempotency-key-reuse`/);
    const optional = paths['/v1/endpoints'].post;
    expect(keyOf(optional)).toMatchObject({ in: 'header', required: false });
    expect(optional.responses['400'].description).not.toMatch(/missing/);
    expect(keyOf(paths['/v1/endpoints'].get)).toBeUndefined();
    expect(paths['/v1/messages'].post.responses['202'].headers).not.toHaveProperty(['Idempotent-Replayed']);
  });
});

describe('what is not kept', () => {
  const records = (key: string) => query('SELECT state FROM idempotency_records WHERE key = $1', key);

  test('a request that does not fit its schema: the same key serves for the corrected one', async () => {
    const key = randomUUID();
    expectProblem(await create(key, { body: { ...NEW_KEY, scopes: [] } }), 422, 'validation-failed');
    const malformed = await create(key, { headers: { 'content-type': 'application/json' }, body: '{"name":' });
    expectProblem(malformed, 400, 'malformed-json');
    expect(await records(key)).toEqual([]);
    const corrected = await create(key);
    expect([corrected.status, corrected.get('idempotent-replayed')]).toEqual([201, undefined]);
  });

  test('a request that the handler refuses as invalid, forbidden or for something unknown', async () => {
    const weak = await api.newKey(['api-keys:write']);
    const key = randomUUID();
    expectProblem(await create(key, { key: weak }), 403, 'insufficient-scope');
    const tenantId = `ten_${'0'.repeat(32)}`;
    expectProblem(await create(key, { key: ADMIN_KEY, body: { ...NEW_KEY, tenantId } }), 422, 'validation-failed');
    const unknown = await api.call('POST', `/v1/api-keys/key_${'0'.repeat(32)}/rotate`, { idempotencyKey: key });
    expectProblem(unknown, 404, 'not-found');
    expect(await records(key)).toEqual([]);
    expect((await create(key, { key: ADMIN_KEY, body: { ...NEW_KEY, tenantId: api.tenantId } })).status).toBe(201);
  });

  test('but a refusal on the merits is, as it was', async () => {
    const idempotencyKey = randomUUID();
    const { body: old } = await create(randomUUID());
    await api.call('DELETE', `/v1/api-keys/${old.id}`);
    const rotate = () => api.call('POST', `/v1/api-keys/${old.id}/rotate`, { idempotencyKey });
    const first = await rotate();
    expectProblem(first, 409, 'wrong-state');
    expectReplay(await rotate(), first);
  });
});

describe('a stored answer', () => {
  test('is shown only to who may still make the request', async () => {
    const caller = await api.call('POST', '/v1/api-keys', {
      body: { name: 'c', scopes: ['api-keys:write', 'messages:write'] },
    });
    const key = randomUUID();
    const first = await create(key, { key: caller.body.key });
    expectReplay(await create(key, { key: caller.body.key }), first);
    const scopes = (names: string[]) =>
      query('UPDATE api_keys SET scopes = $2 WHERE id = $1', toUuid(caller.body.id), names);
    await scopes(['messages:write']);
    await until(async () => (await create(key, { key: caller.body.key })).status === 403);
    await scopes(['api-keys:write', 'messages:write']);
    await until(async () => (await create(key, { key: caller.body.key })).status === 201);
    await api.call('DELETE', `/v1/api-keys/${caller.body.id}`);
    expect((await create(key, { key: caller.body.key })).status).toBe(401);
  });

  test('does not hold a secret in clear, and does not open in another place', async () => {
    const key = randomUUID();
    const { body } = await create(key);
    const [row] = await query<{ text: string; body: Buffer }>(
      `SELECT r::text || encode(body, 'escape') AS text, body FROM idempotency_records r WHERE key = $1`,
      key,
    );
    expect(row?.text).toContain(key);
    for (const secret of [body.key, body.key.slice(-43), Buffer.from(body.key.slice(-43)).toString('hex')]) {
      expect(row?.text).not.toContain(secret);
    }
    const elsewhere = randomUUID();
    await create(elsewhere);
    await query('UPDATE idempotency_records SET body = $2 WHERE key = $1', elsewhere, row?.body);
    expectProblem(await create(elsewhere), 500, 'internal-error');
  });

  test('is kept for 24 hours from when it was made, and then the key is new', async () => {
    const key = randomUUID();
    const first = await create(key);
    const [kept] = await query(
      'SELECT expires_at - completed_at AS time FROM idempotency_records WHERE key = $1 AND now() - completed_at < $2',
      key,
      '1 minute',
    );
    expect(kept).toMatchObject({ time: { days: 1 } });
    await query("UPDATE idempotency_records SET expires_at = now() + interval '1 minute' WHERE key = $1", key);
    expectReplay(await create(key), first);
    await query('UPDATE idempotency_records SET expires_at = now() WHERE key = $1', key);
    // Expired: even another request may use the key, before anything has removed the record.
    const second = await create(key, { body: { ...NEW_KEY, name: 'later' } });
    expect([second.status, second.body.name, second.get('idempotent-replayed')]).toEqual([201, 'later', undefined]);
    expect(second.body.id).not.toBe(first.body.id);
    expectReplay(await create(key, { body: { ...NEW_KEY, name: 'later' } }), second);
    expectProblem(await create(key), 422, 'idempotency-key-reuse');
  });
});
