import { once } from 'node:events';
import { type AddressInfo, createConnection } from 'node:net';
import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

interface Answer {
  status: number;
  head: string;
  body: Record<string, unknown>;
}

/** Sends bytes on a connection of their own, and reads until it is closed. */
async function raw(text: string): Promise<Answer> {
  const socket = createConnection((api.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(body) };
}

const get = (headers: string, version = '1.1') =>
  raw(`GET /healthz HTTP/${version}\r\n${headers}connection: close\r\n\r\n`);

test.each([
  ['no Host', 400, 'malformed-request', () => get('')],
  ['two Hosts', 400, 'malformed-request', () => get('host: a\r\nhost: b\r\n')],
  ['the same Host twice', 400, 'malformed-request', () => get('Host: a\r\nHOST: a\r\n')],
  ['a Host that is a list', 400, 'malformed-request', () => get('host: a, b\r\n')],
  ['a Host with a path', 400, 'malformed-request', () => get('host: a/b\r\n')],
  ['an unknown expectation', 417, 'expectation-failed', () => get('host: a\r\nexpect: a-miracle\r\n')],
  ['CONNECT', 405, 'method-not-allowed', () => raw('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n')],
  ['a line that is no request', 400, 'malformed-request', () => raw('GET /healthz\r\n\r\n')],
  ['a version that is none', 400, 'malformed-request', () => raw('GET /healthz HTTP/1.7\r\nhost: a\r\n\r\n')],
  ['an unknown method', 400, 'malformed-request', () => raw('FETCH /healthz HTTP/1.1\r\nhost: a\r\n\r\n')],
])('%s is answered with a problem', async (_name, status, code, ask) => {
  const answer = await ask();
  expect([answer.status, answer.body]).toMatchObject([
    status,
    {
      type: `/docs/problems#${code}`,
      status,
      request_id: expect.stringMatching(/./),
      detail: expect.stringMatching(/./),
    },
  ]);
  expect(answer.head.toLowerCase()).toContain('content-type: application/problem+json');
  expect(answer.head.toLowerCase()).toContain(`x-request-id: ${String(answer.body.request_id)}`);
});

test('CONNECT is told the methods that there are', async () => {
  const { head } = await raw('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n');
  expect(head).toMatch(/^allow: GET, HEAD, POST, PATCH, DELETE, OPTIONS$/im);
});

test('HTTP/1.0 needs no Host, and 100-continue is an expectation that is met', async () => {
  expect((await get('', '1.0')).status).toBe(200);
  const socket = createConnection((api.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('POST /v1/messages HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n');
  expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 100 /);
  socket.destroy();
});

test('whatever path there is says which methods it has when it is asked with another', async () => {
  const pages = ['/', '/docs', '/docs/start.js', '/docs/problems', '/docs/assets/swagger-ui.css', '/openapi.json'];
  for (const path of [...pages, '/healthz', '/v1/endpoints', '/v1/endpoints/ep_0/pause', '/callbacks/payments']) {
    for (const method of ['PUT', 'DELETE', 'TRACE'] as const) {
      const answer = await fetchRaw(method, path);
      expect([path, method, answer.status]).toEqual([path, method, 405]);
      expect(answer.body).toMatchObject({ type: '/docs/problems#method-not-allowed' });
      expect(answer.head).toMatch(/^allow: [A-Z, ]*OPTIONS$/im);
    }
    expect((await api.call('OPTIONS', path)).status).toBe(204);
  }
});

function fetchRaw(method: string, path: string): Promise<Answer> {
  return raw(`${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
}

test('the document is sent once, and then only when it has changed', async () => {
  const first = await api.call('GET', '/openapi.json', { key: null });
  const tag = first.headers.etag ?? '';
  expect([first.headers['cache-control'], tag]).toEqual(['no-cache', expect.stringMatching(/^"[\w-]{43}"$/)]);
  const ask = (known: string) => api.call('GET', '/openapi.json', { key: null, headers: { 'if-none-match': known } });
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const answer = await ask(known);
    expect([known, answer.status, answer.text, answer.headers.etag]).toEqual([known, 304, '', tag]);
  }
  expect((await ask('"other"')).status).toBe(200);
});
