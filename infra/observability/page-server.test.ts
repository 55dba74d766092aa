import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { startPageServer } from './page-server';

let server: Server;
const errors: unknown[] = [];
const served = { now: 0, most: 0 };
beforeAll(async () => {
  server = await startPageServer({
    host: '127.0.0.1',
    port: 0,
    pages: {
      '/page': async () => ({ status: 200, type: 'text/plain', body: 'fine\n' }),
      '/slow': async () => {
        served.most = Math.max(served.most, ++served.now);
        await new Promise((resolve) => setImmediate(resolve));
        served.now--;
        return { status: 200, type: 'text/plain', body: 'slow\n' };
      },
      '/broken': async () => {
        throw new Error('PLANTED');
      },
    },
    onError: (error) => errors.push(error),
  });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends bytes on a connection of their own, and reads until it is closed. */
async function raw(text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body };
}
const ask = (line: string, more = '') => raw(`${line} HTTP/1.1\r\nhost: a\r\n${more}connection: close\r\n\r\n`);

test('a page is read with GET, whatever its query, and with HEAD without its body', async () => {
  expect(await ask('GET /page?x=1')).toMatchObject({ status: 200, body: 'fine\n' });
  const head = await ask('HEAD /page');
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(head.head).toContain('content-length: 5');
  expect((await raw('GET /page HTTP/1.0\r\n\r\n')).status).toBe(200);
});

test.each([
  ['another method', 405, () => ask('POST /page', 'content-length: 0\r\n')],
  ['a method with a body', 405, () => ask('DELETE /page', 'content-length: 3\r\n\r\nabc')],
  ['OPTIONS', 405, () => ask('OPTIONS /page')],
  ['CONNECT', 405, () => raw('CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n')],
  ['another path', 404, () => ask('GET /elsewhere')],
  ['a path of every object', 404, () => ask('GET /constructor')],
  ['no Host', 400, () => raw('GET /page HTTP/1.1\r\nconnection: close\r\n\r\n')],
  ['two Hosts', 400, () => raw('GET /page HTTP/1.1\r\nhost: a\r\nhost: a\r\nconnection: close\r\n\r\n')],
  ['what is no request', 400, () => raw('GET\r\n\r\n')],
  ['an unknown expectation', 417, () => ask('GET /page', 'expect: a-miracle\r\n')],
  ['too many headers', 431, () => ask('GET /page', `x: ${'y'.repeat(16_384)}\r\n`)],
])('%s is refused with a problem: %i', async (_name, status, send) => {
  const answer = await send();
  expect(answer.status).toBe(status);
  expect(answer.head).toContain('content-type: application/problem+json');
  expect(JSON.parse(answer.body)).toEqual({
    type: 'about:blank',
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/./),
  });
  expect(answer.head.includes('allow: get, head')).toBe(status === 405);
});

test('a page that cannot be made says so without saying why, which is told elsewhere', async () => {
  const { status, body } = await ask('GET /broken');
  expect([status, body.includes('PLANTED'), String(errors)]).toEqual([500, false, 'Error: PLANTED']);
});

test('a body that never arrives keeps no connection', async () => {
  expect((await raw('GET /page HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n')).status).toBe(200);
});

test('headers, times and pipelining are bounded as for the API', async () => {
  expect([server.headersTimeout, server.requestTimeout]).toEqual([20_000, 20_000]);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100));
  let answer = '';
  while (answer.split('slow\n').length <= 100) answer += String((await once(socket, 'data'))[0]);
  socket.destroy();
  expect(served.most).toBe(32);
});
