import type { AddressInfo } from 'node:net';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import pino from 'pino';
import request from 'supertest';
import { createRateLimiter } from '../../../api/http/rate-limit';
import { Overloaded } from '../../../core/group-commit';
import { createPool } from '../../../infra/postgres/pool';
import { createApi, listen, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi({}, { WAYBILL_MAX_BODY_BYTES: '2000' });
});
afterAll(() => api.close());

const ENDPOINT = '/v1/endpoints/ep_00000000000000000000000000000000';
const json = { 'content-type': 'application/json' };

interface Case {
  name: string;
  ask: () => ReturnType<TestApi['call']>;
  status: number;
  code: string;
  headers?: Record<string, RegExp>;
  detail?: RegExp;
}

const cases: Case[] = [
  {
    name: 'a body that is not JSON',
    ask: () => api.call('POST', '/v1/messages', { headers: json, body: '{"eventType":' }),
    status: 400,
    code: 'malformed-json',
  },
  {
    name: 'a wish in the body of a route that takes none',
    ask: () => api.call('POST', `/v1/deliveries/dlv_${'0'.repeat(32)}/retry`, { body: { at: 'noon' } }),
    status: 422,
    code: 'validation-failed',
    detail: /errors/,
  },
  {
    name: 'a text in the body of a route that takes none',
    ask: () =>
      api.call('POST', `/v1/deliveries/dlv_${'0'.repeat(32)}/retry`, {
        headers: { 'content-type': 'text/plain' },
        body: 'now',
      }),
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    name: 'a date in the path that does not exist',
    ask: () => api.call('GET', '/api/v2/finance/settlement/2026-02-30'),
    status: 404,
    code: 'not-found',
    detail: /\{date\} – expected a date that exists/,
  },
  {
    name: 'a path that is not properly encoded',
    ask: () => api.call('GET', '/v1/event-types/%E0%A4%A'),
    status: 400,
    code: 'malformed-request',
  },
  {
    name: 'an idempotency key with a space in it',
    ask: () =>
      api.call('POST', '/v1/messages', { headers: { 'idempotency-key': 'a b' }, body: { eventType: 'a', payload: 1 } }),
    status: 400,
    code: 'invalid-header',
  },
  {
    name: 'no key',
    ask: () => api.call('GET', '/v1/endpoints', { key: null }),
    status: 401,
    code: 'unauthenticated',
    headers: { 'www-authenticate': /^Bearer realm="waybill"$/ },
  },
  {
    name: 'an unknown key',
    ask: () => api.call('GET', '/v1/endpoints', { key: `wb_live_${'0'.repeat(32)}_${'x'.repeat(43)}` }),
    status: 401,
    code: 'unauthenticated',
    headers: { 'www-authenticate': /error="invalid_token"/ },
  },
  {
    name: 'a key without the scope',
    ask: async () => api.call('GET', '/v1/endpoints', { key: await api.newKey(['messages:read']) }),
    status: 403,
    code: 'insufficient-scope',
    headers: { 'www-authenticate': /error="insufficient_scope", scope="endpoints:read"/ },
    detail: /"endpoints:read"/,
  },
  { name: 'an unknown path', ask: () => api.call('GET', '/v1/nothing'), status: 404, code: 'not-found' },
  { name: 'a path in other letters', ask: () => api.call('GET', '/V1/endpoints'), status: 404, code: 'not-found' },
  { name: 'an unknown id', ask: () => api.call('GET', ENDPOINT), status: 404, code: 'not-found' },
  { name: 'an id of another form', ask: () => api.call('GET', '/v1/endpoints/7'), status: 404, code: 'not-found' },
  {
    name: 'a method that the path does not have',
    ask: () => api.call('PUT', ENDPOINT, { key: null }),
    status: 405,
    code: 'method-not-allowed',
    headers: { allow: /^GET, HEAD, PATCH, DELETE, OPTIONS$/ },
  },
  {
    name: 'a name that is taken',
    ask: async () => {
      await api.call('POST', '/v1/event-types', { body: { name: 'taken' } });
      return api.call('POST', '/v1/event-types', { body: { name: 'taken' } });
    },
    status: 409,
    code: 'already-exists',
    detail: /"taken"/,
  },
  {
    name: 'a body over the limit',
    ask: () => api.call('POST', '/v1/messages', { body: { eventType: 'a', payload: 'x'.repeat(3_000) } }),
    status: 413,
    code: 'content-too-large',
  },
  {
    name: 'a very long address',
    ask: () => api.call('GET', `/v1/endpoints?cursor=${'x'.repeat(9_000)}`),
    status: 414,
    code: 'uri-too-long',
  },
  {
    name: 'a body that is not called JSON',
    ask: () => api.call('POST', '/v1/messages', { headers: { 'content-type': 'text/plain' }, body: '{}' }),
    status: 415,
    code: 'unsupported-media-type',
    headers: { accept: /^application\/json$/ },
  },
  {
    name: 'a body compressed in an unknown way',
    ask: () => api.call('POST', '/v1/messages', { headers: { ...json, 'content-encoding': 'zstd-x' }, body: '{}' }),
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    name: 'a body that does not fit',
    ask: () => api.call('POST', '/v1/endpoints', { body: {} }),
    status: 422,
    code: 'validation-failed',
  },
];

test.each(cases)('$name is answered $status $code', async ({ ask, status, code, headers, detail }) => {
  const answer = await ask();
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.body).toMatchObject({ type: `/docs/problems#${code}`, status });
  expect(answer.body.title).toMatch(/\w/);
  expect(answer.body.detail).toMatch(detail ?? /\w/);
  expect(answer.body.instance).toMatch(/^\//);
  expect(answer.body.request_id).toBe(answer.headers['x-request-id']);
  for (const [name, pattern] of Object.entries(headers ?? {})) expect(answer.headers[name]).toMatch(pattern);
});

test('a request id of sane shape is kept, any other is replaced', async () => {
  const kept = await api.call('GET', '/healthz', { headers: { 'x-request-id': 'order:1.2_3-x' } });
  expect(kept.headers['x-request-id']).toBe('order:1.2_3-x');
  for (const insane of ['a b', '<script>', 'x'.repeat(129)]) {
    const replaced = await api.call('GET', '/healthz', { headers: { 'x-request-id': insane } });
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('errors point to the values, by name and place', async () => {
  const body = {
    url: 5,
    colour: 'red',
    'a/b~c': 1,
    retry: { schedule: ['5s', 'soon'] },
    rateLimit: { limit: 0 },
    headers: { Host: 'x', 'X-One': 'a\nb' },
  };
  const { body: problem } = await api.call('POST', '/v1/endpoints', { body });
  const errors = new Map(
    problem.errors.map((error: { pointer: string; detail: string }) => [error.pointer, error.detail]),
  );
  expect([...errors.keys()].sort()).toEqual([
    '#/a~1b~0c',
    '#/colour',
    '#/headers/X-One',
    '#/rateLimit/limit',
    '#/retry/schedule/1',
    '#/url',
  ]);
  expect(errors.get('#/colour')).toBe('is not a known field');
  expect(errors.get('#/retry/schedule/1')).toMatch(/expected a duration from 1ms to 7d/);
});

test('every query parameter and body field that is not known is refused by name, wherever one can be sent', async () => {
  for (const operation of [
    '/v1/messages',
    '/v1/deliveries',
    '/v1/dead-letters',
    '/v1/endpoints',
    '/v1/event-types',
    '/v1/api-keys',
  ]) {
    const { status, body } = await api.call('GET', `${operation}?colour=red&limit=0`);
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { in: 'query', pointer: '#/limit', detail: 'expected a whole number from 1 to 250' },
      { in: 'query', pointer: '#/colour', detail: 'is not a known field' },
    ]);
  }
  const posts = ['/v1/messages', '/v1/endpoints', '/v1/event-types', '/v1/api-keys'];
  for (const path of posts) {
    const { status, body } = await api.call('POST', path, {
      headers: json,
      body: '{"__proto__":{"admin":true},"colour":1}',
    });
    expect(status).toBe(422);
    const pointers = body.errors.map((error: { pointer: string }) => error.pointer);
    expect(pointers).toEqual(expect.arrayContaining(['#/__proto__', '#/colour']));
  }
});

test('text that the database cannot keep is refused, not failed on', async () => {
  for (const bad of ['a\u0000b', 'a\ud800b']) {
    const created = await api.call('POST', '/v1/event-types', { body: { name: 'nul', description: bad } });
    expect([created.status, created.body.errors?.[0].pointer]).toEqual([422, '#/description']);
    const body = JSON.stringify({ url: 'https://example.com/', metadata: { key: bad } });
    const endpoint = await api.call('POST', '/v1/endpoints', { headers: json, body });
    expect([endpoint.status, endpoint.body.errors?.[0].pointer]).toEqual([422, '#/metadata/key']);
  }
});

test('a tenant that asks too often is told when to come back, whichever key it uses; others are not held back', async () => {
  const server = await listen({ ...api.deps, rateLimiter: createRateLimiter({ perSecond: 1 }) });
  const get = (key: string) => request(server).get('/v1/event-types').set('authorization', `Bearer ${key}`);
  const second = await api.newKey(['*']);
  const other = await api.newTenant();
  const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => get(n % 2 === 0 ? api.key : second)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(1);
  expect(answers.find(({ status }) => status === 200)?.headers.ratelimit).toBe('"default";r=0;t=1');
  for (const { headers, body } of refused) {
    expect(body.type).toBe('/docs/problems#rate-limited');
    expect(headers).toMatchObject({
      'retry-after': '1',
      ratelimit: '"default";r=0;t=1',
      'ratelimit-policy': '"default";q=1;w=1',
    });
  }
  expect((await get(other.key)).status).toBe(200);
  await new Promise((resolve) => server.close(resolve));
});

test('an error of ours is told without its text, and logged with the request id', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const readiness = () => Promise.reject(new Error('password is hunter2'));
  const server = await listen({ ...api.deps, log, readiness });
  const { status, body, text } = await request(server).get('/readyz');
  expect(status).toBe(500);
  expect(body.type).toBe('/docs/problems#internal-error');
  expect(text).not.toContain('hunter2');
  expect(lines.some((line) => line.includes('hunter2') && line.includes(body.request_id))).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

test('while Postgres cannot be reached requests are answered 503, and afterwards as before', async () => {
  const relay = await startRelay();
  const pool = createPool(relay.url(api.pipeline.database.url), { max: 4 }, api.deps.log);
  const server = await listen({ ...api.deps, pool, reads: pool });
  const get = () => request(server).get('/v1/endpoints').set('authorization', `Bearer ${api.key}`);
  expect((await get()).status).toBe(200);
  relay.cut();
  const deadline = Date.now() + 10_000;
  let answer = await get();
  // The key is cached for up to a second, the list is not.
  while (answer.status !== 503 && Date.now() < deadline) answer = await get();
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(answer.body.type).toBe('/docs/problems#unavailable');
  await relay.mend();
  while (answer.status !== 200 && Date.now() < deadline) answer = await get();
  expect(answer.status).toBe(200);
  await new Promise((resolve) => server.close(resolve));
  await pool.end();
  relay.cut();
});

test('a publisher that has no room is a 503 too', async () => {
  const publish = () => Promise.reject(new Overloaded('too many writes are waiting for the database'));
  const server = await listen({ ...api.deps, publisher: { publish } });
  const { status, headers } = await request(server)
    .post('/v1/messages')
    .set('authorization', `Bearer ${api.key}`)
    .send({ eventType: 'a', payload: 1 });
  expect([status, headers['retry-after']]).toEqual([503, '1']);
  await new Promise((resolve) => server.close(resolve));
});

test("what Node's parser refuses is answered in the same form", async () => {
  const headers = await raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-filler: ${'y'.repeat(20_000)}\r\n\r\n`);
  expect(headers).toMatch(/^HTTP\/1\.1 431 /);
  expect(JSON.parse(headers.split('\r\n\r\n')[1] ?? '')).toMatchObject({
    type: '/docs/problems#headers-too-large',
    status: 431,
  });
  expect(await raw('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
});

test('HEAD and OPTIONS are answered for every path', async () => {
  const head = await api.call('HEAD', '/v1/endpoints');
  expect([head.status, head.text]).toEqual([200, undefined]);
  const options = await api.call('OPTIONS', '/v1/messages', { key: null });
  expect([options.status, options.headers.allow]).toEqual([204, 'POST, GET, HEAD, OPTIONS']);
});

async function raw(text: string): Promise<string> {
  const socket = createConnection((api.server.address() as AddressInfo).port, '127.0.0.1');
  let answer = '';
  for await (const chunk of socket.on('connect', () => socket.write(text))) answer += String(chunk);
  return answer;
}

/** A TCP relay to Postgres that can be cut and mended on the same port. */
async function startRelay() {
  const target = new URL(api.pipeline.database.url);
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  async function open(): Promise<void> {
    server = createServer((client) => {
      const upstream = createConnection(Number(target.port || 5432), target.hostname);
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(one);
        one
          .on('error', () => other.destroy())
          .on('close', () => sockets.delete(one))
          .pipe(other);
      }
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }
  await open();
  return {
    url(databaseUrl: string): string {
      const url = new URL(databaseUrl);
      url.host = `127.0.0.1:${port}`;
      return url.href;
    },
    cut(): void {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    mend: open,
  };
}

test('a body that is not UTF-8 is refused, not kept as something else', async () => {
  const answer = await fetch(`${api.url}/v1/messages`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${api.key}` },
    body: Buffer.from('{"eventType":"a","payload":"\xff"}', 'latin1'),
  });
  expect([answer.status, await answer.json()]).toMatchObject([400, { detail: expect.stringContaining('UTF-8') }]);
});
