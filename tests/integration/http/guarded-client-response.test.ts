import { randomBytes } from 'node:crypto';
import { createServer as createRawServer } from 'node:net';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { createGuardedClient, type GuardedClient, type GuardedRequest } from '../../../infra/http/guarded-client';
import { eventually, LOOPBACK, listen, type Receiver, readingServer } from '../../support/guarded-client-support';

describe('guarded client, response', () => {
  const receivers: Receiver[] = [];
  let client: GuardedClient;

  const start = async (...args: Parameters<typeof listen>) => {
    const receiver = await listen(...args);
    receivers.push(receiver);
    return receiver;
  };
  const send = (receiver: Receiver, request: Partial<GuardedRequest> = {}) =>
    client.send({
      url: `http://127.0.0.1:${receiver.port}/hook`,
      headers: {},
      body: '{}',
      timeoutMs: 5_000,
      ...request,
    });

  beforeEach(() => {
    client = createGuardedClient({ policy: LOOPBACK, resolve: async () => ['127.0.0.1'] });
  });

  afterEach(async () => {
    await client.close();
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  it.each([301, 302, 303, 307, 308])('takes a %i as it is and does not follow it', async (status) => {
    const target = await start(readingServer((_request, response) => response.end()));
    const receiver = await start(
      readingServer((_request, response) =>
        response.writeHead(status, { location: `http://127.0.0.1:${target.port}/` }).end('moved'),
      ),
    );
    expect(await send(receiver)).toMatchObject({ ok: true, status, body: 'moved' });
    expect(target.connections).toBe(0);
  });

  it.each([200, 204, 304, 400, 404, 410, 429, 500, 503])('reports status %i', async (status) => {
    const receiver = await start(readingServer((_request, response) => response.writeHead(status).end()));
    expect(await send(receiver)).toMatchObject({ ok: true, status, body: '' });
  });

  it('outlives a receiver that closes while its large compressed answer is still being decoded', async () => {
    const body = gzipSync(randomBytes(60_000));
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    const receiver = await start(
      createRawServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => {
          socket.write(head);
          socket.end(body);
        });
      }),
    );
    for (let n = 0; n < 20; n++) expect(await send(receiver)).toMatchObject({ ok: true, status: 200 });
  });

  it('skips informational responses', async () => {
    const receiver = await start(
      readingServer((_request, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.writeProcessing();
        response.writeHead(201).end('made');
      }),
    );
    expect(await send(receiver)).toMatchObject({ ok: true, status: 201, body: 'made' });
  });

  it('keeps the first 4 KiB of a body within the limit, and the socket', async () => {
    const receiver = await start(readingServer((_request, response) => response.end('x'.repeat(65_536))));
    const result = await send(receiver);
    expect(result).toMatchObject({ ok: true, body: 'x'.repeat(4_096), truncated: true });
    await send(receiver);
    expect(receiver.connections).toBe(1);
  });

  it('closes the socket when the body goes beyond the limit', async () => {
    let written = 0;
    const receiver = await start(
      readingServer((_request, response) => {
        const write = () => {
          while (!response.destroyed) {
            written += 16_384;
            if (!response.write('y'.repeat(16_384))) return;
          }
        };
        response.on('drain', write);
        write();
      }),
    );
    const result = await send(receiver);
    expect(result).toMatchObject({ ok: true, status: 200, body: 'y'.repeat(4_096), truncated: true });
    await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it('honours other limits', async () => {
    const receiver = await start(readingServer((_request, response) => response.end('0123456789')));
    expect(await send(receiver, { keepBytes: 4 })).toMatchObject({ ok: true, body: '0123', truncated: true });
    expect(receiver.sockets.size).toBe(1);
    expect(await send(receiver, { maxResponseBytes: 5 })).toMatchObject({ ok: true, truncated: true });
    await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
  });

  it('hands back text that Postgres takes', async () => {
    const receiver = await start(
      readingServer((_request, response) =>
        response.end(Buffer.from([0x61, 0, 0xff, 0x62, 0xed, 0xa0, 0x80, 0, 0x63])),
      ),
    );
    const result = await send(receiver);
    if (!result.ok) throw new Error(result.detail);
    expect(result.body).not.toContain('\0');
    expect(Buffer.from(result.body).toString()).toBe(result.body);
    expect(result.body).toMatch(/^a\uFFFD+b\uFFFD+c$/);
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ])('reads %s', async (encoding, compress) => {
    const text = JSON.stringify({ numbers: Array.from({ length: 300 }, (_, index) => index) });
    const receiver = await start(
      readingServer((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(compress(text)),
      ),
    );
    expect(await send(receiver)).toMatchObject({ ok: true, body: text, truncated: false });
    await send(receiver);
    expect(receiver.connections).toBe(1);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('stops a %s bomb early, in little memory', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(200 * 1024 * 1024));
    const receiver = await start(
      readingServer((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bomb)),
    );
    const before = process.memoryUsage();
    let peak = 0;
    const watch = setInterval(() => {
      const now = process.memoryUsage();
      peak = Math.max(peak, now.external + now.arrayBuffers - before.external - before.arrayBuffers);
    }, 1);
    const results = await Promise.all(Array.from({ length: 10 }, () => send(receiver)));
    clearInterval(watch);
    for (const result of results) expect(result).toMatchObject({ ok: true, status: 200, truncated: true, body: '' });
    expect(peak).toBeLessThan(40 * 1024 * 1024);
    await eventually(() => receiver.sockets.size === 0, 'the sockets are closed');
  });

  it('stops compressed input that never becomes output', async () => {
    const member = gzipSync('');
    const receiver = await start(
      readingServer((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        const write = () => {
          while (!response.destroyed && response.write(Buffer.concat(Array.from({ length: 500 }, () => member))));
        };
        response.on('drain', write);
        write();
      }),
    );
    expect(await send(receiver)).toMatchObject({ ok: true, status: 200, truncated: true });
    await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
  });

  it.each([
    ['damaged', 'gzip', Buffer.from('this is not gzip'), { body: 'this is not gzip', truncated: false }],
    ['cut off', 'gzip', gzipSync('hello hello hello').subarray(0, 15), { truncated: true }],
    ['in a chain', 'gzip, br', Buffer.from('hello'), { body: 'hello', truncated: false }],
    ['unknown', 'zstd', Buffer.from('hello'), { body: 'hello', truncated: false }],
  ])('lets the status count when the compression is %s', async (_what, encoding, body, kept) => {
    const receiver = await start(
      readingServer((_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body)),
    );
    expect(await send(receiver)).toMatchObject({ ok: true, status: 200, ...kept });
  });

  it.each([
    ['not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['not a status', 'HTTP/1.1 abc\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}`],
  ])('calls %s a protocol error', async (_what, answer) => {
    const receiver = await start(createRawServer((socket) => socket.once('data', () => socket.write(answer))));
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'protocol' });
    await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
  });

  it('fails when the body is shorter than it says', async () => {
    const receiver = await start(
      createRawServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')),
      ),
    );
    expect(await send(receiver)).toMatchObject({
      ok: false,
      code: 'connection',
      answer: { status: 200, body: 'half' },
    });
  });
});
