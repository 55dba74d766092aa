import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createGuardedClient, type GuardedClient } from '../../../infra/http/guarded-client';
import { createAuthority, LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';
import { rawHttp2Server } from '../../support/raw-http2-server';

const NO_CONTENT = { status: 204, coded: 0x89 };
const NOT_MODIFIED = { status: 304, coded: 0x8b };
const AS_IT_CAME = 'the body has an encoding that is not decoded: it is kept as it came';
const NO_TEXT = 'the body has an encoding that is not decoded, and is no text: it is not kept';
const { NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;

describe('receivers as they are, over HTTP/2', () => {
  const authority = createAuthority();
  const identity = authority.issue(['hooks.example.com']);
  const receivers: Receiver[] = [];
  let client: GuardedClient;
  /** Bodies that arrived, over HTTP/2 and over HTTP/1.1. */
  let arrived: { h2: string[]; h1: string[] };

  const start = async (answer: (stream: ServerHttp2Stream, body: string) => void): Promise<Receiver> => {
    const server = createSecureServer({ ...identity, allowHTTP1: true });
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders) => {
      let body = '';
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      stream.on('end', () => {
        arrived.h2.push(body);
        answer(stream, body);
      });
    });
    server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (request.httpVersionMajor !== 1) return;
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        arrived.h1.push(body);
        response.end('over 1.1');
      });
    });
    const receiver = await listen(server);
    receivers.push(receiver);
    return receiver;
  };
  const send = ({ port }: Receiver, body: string) =>
    client.send({ url: `https://hooks.example.com:${port}/`, headers: {}, body, timeoutMs: 5_000 });
  const reply = (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 });
    stream.end('fine');
  };

  beforeEach(() => {
    arrived = { h2: [], h1: [] };
    client = createGuardedClient({ policy: LOOPBACK, extraCa: authority.cert, resolve: async () => ['127.0.0.1'] });
  });
  afterEach(async () => {
    await client.close();
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  it.each([
    ['resets the stream', (stream: ServerHttp2Stream) => stream.close(NGHTTP2_HTTP_1_1_REQUIRED)],
    ['says goodbye', (stream: ServerHttp2Stream) => stream.session?.goaway(NGHTTP2_HTTP_1_1_REQUIRED, 0)],
    [
      'says goodbye, having looked at the request',
      (stream: ServerHttp2Stream) => stream.session?.goaway(NGHTTP2_HTTP_1_1_REQUIRED, stream.id),
    ],
  ])('speaks HTTP/1.1 with one that asks for it: it %s', async (_how, ask) => {
    const receiver = await start(ask);
    expect(await send(receiver, 'first')).toMatchObject({ ok: true, body: 'over 1.1', httpVersion: '1.1' });
    // It is not asked again.
    expect(await send(receiver, 'second')).toMatchObject({ ok: true, httpVersion: '1.1' });
    expect(arrived).toEqual({ h2: ['first'], h1: ['first', 'second'] });
    expect(receiver.connections).toBe(2);
    expect(client.stats()).toMatchObject({ resent: 1, inFlight: 0 });
  });

  it('speaks HTTP/1.1 with it also when many requests are under way', async () => {
    const receiver = await start((stream) => stream.close(NGHTTP2_HTTP_1_1_REQUIRED));
    const bodies = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const results = await Promise.all(bodies.map((body) => send(receiver, body)));
    for (const result of results) expect(result).toMatchObject({ ok: true, httpVersion: '1.1' });
    expect(arrived.h1.sort()).toEqual([...bodies].sort());
  });

  it.each([
    ['no error', NGHTTP2_NO_ERROR],
    ['a complaint', NGHTTP2_ENHANCE_YOUR_CALM],
  ])('sends again, once, what a goodbye with %s says was not looked at', async (_what, code) => {
    const held: ServerHttp2Stream[] = [];
    let goodbyes = 0;
    const receiver = await start((stream, body) => {
      if (body === 'first') return reply(stream);
      if (goodbyes > 0) return reply(stream);
      held.push(stream);
      if (held.length < 3) return;
      goodbyes++;
      const first = Math.min(...held.map(({ id = 0 }) => id));
      // The lowest is still answered where the goodbye is a friendly one.
      stream.session?.goaway(code, code === NGHTTP2_NO_ERROR ? first : first - 2);
      const kept = held.find(({ id }) => id === first);
      if (code === NGHTTP2_NO_ERROR && kept !== undefined) reply(kept);
    });
    expect(await send(receiver, 'first')).toMatchObject({ ok: true });
    const results = await Promise.all(['a', 'b', 'c'].map((body) => send(receiver, body)));
    for (const result of results) expect(result).toMatchObject({ ok: true, body: 'fine', httpVersion: '2' });
    expect(receiver.connections).toBe(2);
    expect(client.stats()).toMatchObject({ resent: code === NGHTTP2_NO_ERROR ? 2 : 3, inFlight: 0 });
  });

  it('does not send again what a goodbye says may have been looked at', async () => {
    const receiver = await start((stream) => {
      stream.session?.goaway(NGHTTP2_ENHANCE_YOUR_CALM, stream.id);
      stream.session?.destroy();
    });
    expect(await send(receiver, 'only once')).toMatchObject({ ok: false, code: 'connection' });
    expect(arrived.h2).toEqual(['only once']);
  });

  it('sends again only once', async () => {
    const receiver = await start((stream, body) => {
      if (body === 'first') return reply(stream);
      if (arrived.h2.length === 2) stream.session?.goaway(NGHTTP2_NO_ERROR, 1);
      else stream.close(constants.NGHTTP2_REFUSED_STREAM);
    });
    expect(await send(receiver, 'first')).toMatchObject({ ok: true });
    expect(await send(receiver, 'x')).toMatchObject({ ok: false, code: 'connection' });
    expect(arrived.h2).toEqual(['first', 'x', 'x']);
  });

  it('says what was wrong with an answer that is not valid', async () => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200, 'content-length': 9 });
      stream.end('half');
    });
    expect(await send(receiver, 'x')).toMatchObject({
      ok: false,
      code: 'protocol',
      detail: 'the HTTP/2 stream ended with PROTOCOL_ERROR',
      answer: { status: 200, body: 'half' },
    });
  });

  it.each([
    ['resets the stream', (stream: ServerHttp2Stream) => stream.destroy(new Error('broken'))],
    ['closes the connection', (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ])('keeps the status of an answer cut off by one that %s', async (_how, breakOff) => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setTimeout(breakOff, 20, stream));
    });
    expect(await send(receiver, 'x')).toMatchObject({
      ok: false,
      code: 'connection',
      answer: { status: 200, body: 'half', truncated: true },
    });
    expect(arrived.h2).toEqual(['x']);
  });

  it('takes a 204 and interim answers', async () => {
    const receiver = await start((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.respond({ ':status': 204 }, { endStream: true });
    });
    expect(await send(receiver, 'x')).toMatchObject({ ok: true, status: 204, body: '' });
  });

  // Node's server sends no body with these, so they come from one of bytes.
  it.each([
    ['204 with a length of zero', NO_CONTENT, '0', undefined],
    ['204 with a body', NO_CONTENT, undefined, 'ok'],
    ['304 with a body', NOT_MODIFIED, undefined, 'ok'],
  ])('takes a %s, and goes on with the connection', async (_what, status, length, body) => {
    const receiver = await listen(rawHttp2Server(identity, { status, length, body }));
    receivers.push(receiver);
    for (const text of ['x', 'y']) {
      expect(await send(receiver, text)).toMatchObject({ ok: true, status: status.status, body: '', truncated: false });
    }
    expect(receiver.connections).toBe(1);
    expect(client.stats()).toMatchObject({ resent: 0, inFlight: 0 });
  });

  it.each([
    ['a length', undefined],
    ['a length and a body', 'ok'],
  ])('takes a 204 with %s, which cannot be read over HTTP/2, over HTTP/1.1', async (_what, body) => {
    const receiver = await listen(rawHttp2Server(identity, { status: NO_CONTENT, length: '2', body }));
    receivers.push(receiver);
    expect(await send(receiver, 'x')).toMatchObject({ ok: true, status: 204, body: '', httpVersion: '1.1' });
    expect(receiver.connections).toBe(2);
    expect(client.stats()).toMatchObject({ resent: 1, inFlight: 0 });
  });

  it('takes a 204 whose stream is never ended', async () => {
    const receiver = await listen(rawHttp2Server(identity, { status: NO_CONTENT, endless: true }));
    receivers.push(receiver);
    expect(await send(receiver, 'x')).toMatchObject({ ok: true, status: 204 });
  });

  it.each([
    ['a chain', 'gzip, br', brotliCompressSync(gzipSync('fine')), { body: '', truncated: true, note: NO_TEXT }],
    ['a chain in name only', 'gzip, br', Buffer.from('fine'), { body: 'fine', note: AS_IT_CAME }],
    ['zstd', 'zstd', Buffer.from('28b52ffd040020', 'hex'), { body: '', truncated: true, note: NO_TEXT }],
    ['zstd in name only', 'zstd', Buffer.from('fine'), { body: 'fine', note: AS_IT_CAME }],
    ['a coding that nobody knows', 'x-own', Buffer.from('fine'), { body: 'fine', note: AS_IT_CAME }],
  ])('counts the status of an answer coded in %s', async (_what, coding, bytes, gives) => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200, 'content-encoding': coding });
      stream.end(bytes);
    });
    expect(await send(receiver, 'x')).toMatchObject({ ok: true, status: 200, ...gives });
  });
});
