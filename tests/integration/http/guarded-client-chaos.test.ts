import { createSecureServer } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createGuardedClient } from '../../../infra/http/guarded-client';
import { createAuthority, LOOPBACK, listen } from '../../support/guarded-client-support';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const GZIP = gzipSync('x'.repeat(200_000));

/** What a receiver may do with a request over HTTP/1.1. */
const BEHAVIOURS: ((socket: Socket) => void)[] = [
  ...Array.from({ length: 8 }, () => (socket: Socket) => void socket.write(OK)),
  (socket) => void setTimeout(() => socket.write(OK), 15),
  (socket) => void socket.end(OK),
  (socket) => void socket.write(OK, () => socket.destroy()),
  (socket) => void socket.write(OK, () => setTimeout(() => socket.destroy(), 2)),
  (socket) => void socket.destroy(),
  (socket) => void socket.resetAndDestroy(),
  (socket) => void socket.end(),
  () => {},
  (socket) => void socket.write('H'),
  (socket) => void socket.write('HTTP/1.1 200 OK\r\nx-a: '),
  (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
  (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () => socket.resetAndDestroy()),
  (socket) => void socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
  (socket) => void socket.write('garbage\r\n\r\n'),
  (socket) => void socket.write(`${OK}unexpected`),
  (socket) => void socket.write(`${OK}${OK}`),
  (socket) => void socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`),
  (socket) => void socket.write('HTTP/1.1 100 Continue\r\n\r\n'),
  (socket) => void socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end'),
  (socket) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(100_000)}`),
  (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${GZIP.length}\r\n\r\n`);
    socket.write(GZIP);
  },
  (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope'),
  (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 100\r\n\r\n\x0bnope'),
];

/** A seeded random number generator (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('guarded client, among receivers that misbehave in every way', () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);

  beforeAll(() => {
    process.on('unhandledRejection', onUnhandled);
    process.on('uncaughtExceptionMonitor', onUnhandled);
  });

  afterAll(() => {
    process.off('unhandledRejection', onUnhandled);
    process.off('uncaughtExceptionMonitor', onUnhandled);
  });

  /** A slow machine may see fewer kinds of outcomes: more is late. */
  const expectOnly = (outcomes: ReadonlyMap<string, number>, kinds: string[]) => {
    expect(kinds).toEqual(expect.arrayContaining([...outcomes.keys()]));
    expect(outcomes.has('ok')).toBe(true);
  };

  const storm = async (url: string, extraCa: string | undefined, seed: number, count: number) => {
    const random = chance(seed);
    const client = createGuardedClient({
      policy: LOOPBACK,
      resolve: async () => ['127.0.0.1'],
      socketsPerOrigin: 6,
      revalidateAfterMs: 60,
      ...(extraCa === undefined ? {} : { extraCa }),
    });
    const outcomes = new Map<string, number>();
    let late = 0;
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        for (let turn = 0; turn < count; turn++) {
          const timeoutMs = 20 + random() * 60;
          const controller = new AbortController();
          if (random() < 0.1) setTimeout(() => controller.abort(), random() * 30);
          const begun = performance.now();
          const result = await client.send({ url, headers: {}, body: '{}', timeoutMs, signal: controller.signal });
          if (performance.now() - begun > timeoutMs + 5_000) late++;
          const outcome = result.ok ? 'ok' : result.code;
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      }),
    );
    expect(client.stats()).toMatchObject({ inFlight: 0, queued: 0 });
    await client.close();
    expect(client.stats()).toMatchObject({ origins: 0, sockets: 0, idleSockets: 0, dialling: 0 });
    expect(late).toBe(0);
    expect(unhandled).toEqual([]);
    return outcomes;
  };

  it('always comes to a result in time and leaves nothing behind, over HTTP/1.1', async () => {
    const random = chance(1);
    const receiver = await listen(
      createServer((socket) => {
        if (random() < 0.05) socket.destroy();
        socket.on('data', () => BEHAVIOURS[Math.floor(random() * BEHAVIOURS.length)]?.(socket));
      }),
    );
    const outcomes = await storm(`http://127.0.0.1:${receiver.port}/`, undefined, 2, 60);
    expectOnly(outcomes, ['aborted', 'connection', 'ok', 'protocol', 'timeout']);
    await receiver.close();
  });

  it('always comes to a result in time and leaves nothing behind, over HTTP/2', async () => {
    const random = chance(3);
    const authority = createAuthority();
    const server = createSecureServer({
      ...authority.issue(['hooks.example.com']),
      settings: { maxConcurrentStreams: 8 },
    });
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.resume();
      const turn = random();
      if (stream.destroyed) return;
      if (turn < 0.05) return;
      if (turn < 0.1) return stream.close(Math.floor(random() * 14));
      if (turn < 0.13) return stream.session?.destroy();
      if (turn < 0.16) return stream.session?.goaway(Math.floor(random() * 14));
      if (turn < 0.18) return stream.session?.close();
      stream.respond({ ':status': 200, ...(turn < 0.25 ? { 'content-encoding': 'gzip' } : {}) });
      if (turn < 0.3) return void stream.write('half');
      if (turn < 0.35) return void stream.end('x'.repeat(100_000));
      if (turn < 0.4) return void stream.write('half', () => stream.close(2));
      setTimeout(() => !stream.destroyed && stream.end(turn < 0.25 ? GZIP : 'ok'), random() * 15);
    });
    const receiver = await listen(server);
    const outcomes = await storm(`https://hooks.example.com:${receiver.port}/`, authority.cert, 4, 40);
    for (const outcome of ['aborted', 'connection', 'ok', 'timeout']) expect(outcomes.get(outcome)).toBeGreaterThan(0);
    await receiver.close();
  });
});
