import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { gzipSync } from 'node:zlib';
import { createGuardedClient, type GuardedClient, type GuardedRequest } from '../../../infra/http/guarded-client';
import { createAuthority, eventually, LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

interface Received {
  headers: Record<string, unknown>;
  body: string;
}

describe('guarded client, HTTP/2', () => {
  const authority = createAuthority();
  const identity = authority.issue(['hooks.example.com']);
  const receivers: Receiver[] = [];
  let client: GuardedClient;
  let sessions: ServerHttp2Session[] = [];

  const start = async (
    answer: (stream: ServerHttp2Stream, request: Received) => void,
    options: Parameters<typeof createSecureServer>[0] = {},
  ): Promise<Receiver> => {
    const server: Http2SecureServer = createSecureServer({ ...identity, ...options });
    server.on('session', (session) => {
      sessions.push(session);
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => answer(stream, { headers, body: Buffer.concat(chunks).toString() }));
    });
    const receiver = await listen(server);
    receivers.push(receiver);
    return receiver;
  };
  const send = ({ port }: Receiver, request: Partial<GuardedRequest> = {}) =>
    client.send({
      url: `https://hooks.example.com:${port}/hook?q=1`,
      headers: {},
      body: '{}',
      timeoutMs: 5_000,
      ...request,
    });
  const open = (options: Partial<Parameters<typeof createGuardedClient>[0]> = {}) =>
    createGuardedClient({
      policy: LOOPBACK,
      extraCa: authority.cert,
      resolve: async () => ['127.0.0.1'],
      ...options,
    });

  beforeEach(() => {
    sessions = [];
    client = open();
  });

  afterEach(async () => {
    await client.close();
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  it('is spoken where the receiver offers it', async () => {
    const seen: Received[] = [];
    const receiver = await start((stream, request) => {
      seen.push({ ...request, headers: Object.fromEntries(Object.entries(request.headers)) });
      stream.respond({ ':status': 202, 'content-type': 'text/plain', 'retry-after': '9' });
      stream.end('gôt');
    });
    const headers = {
      'Content-Type': 'application/json',
      'content-type': 'text/x',
      'webhook-id': 'msg_1',
      connection: 'x',
    };
    expect(await send(receiver, { headers, body: '{"ü":1}' })).toEqual({
      ok: true,
      status: 202,
      headers: { contentType: 'text/plain', retryAfter: '9' },
      body: 'gôt',
      truncated: false,
      durationMs: expect.any(Number),
      httpVersion: '2',
    });
    expect(seen).toEqual([
      {
        headers: {
          ':method': 'POST',
          ':path': '/hook?q=1',
          ':scheme': 'https',
          ':authority': `hooks.example.com:${receiver.port}`,
          'content-type': 'text/x',
          'webhook-id': 'msg_1',
          'content-length': '8',
        },
        body: '{"ü":1}',
      },
    ]);
  });

  it('carries a burst of requests on one connection, also when the receiver is not known yet', async () => {
    const held: ServerHttp2Stream[] = [];
    const receiver = await start((stream) => {
      held.push(stream);
      if (held.length < 50) return;
      for (const each of held.splice(0)) {
        each.respond({ ':status': 200 });
        each.end();
      }
    });
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(Array.from({ length: 50 }, () => send(receiver)));
      for (const result of results) expect(result).toMatchObject({ ok: true, httpVersion: '2' });
    }
    expect(receiver.connections).toBe(1);
  });

  it('takes no more streams than the receiver allows, and more connections up to the bound', async () => {
    const streams = new Map<unknown, number>();
    let most = 0;
    const receiver = await start(
      (stream) => {
        const now = (streams.get(stream.session) ?? 0) + 1;
        streams.set(stream.session, now);
        most = Math.max(most, now);
        setTimeout(() => {
          streams.set(stream.session, (streams.get(stream.session) ?? 0) - 1);
          stream.respond({ ':status': 200 });
          stream.end();
        }, 10);
      },
      { settings: { maxConcurrentStreams: 5 } },
    );
    const narrow = open({ socketsPerOrigin: 3 });
    const url = `https://hooks.example.com:${receiver.port}/`;
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all(
        Array.from({ length: 60 }, () => narrow.send({ url, headers: {}, body: 'x', timeoutMs: 5_000 })),
      );
      for (const result of results) expect(result).toMatchObject({ ok: true });
    }
    expect(receiver.connections).toBe(3);
    expect(most).toBeLessThanOrEqual(5);
    await narrow.close();
  });

  it('stops a body beyond the limit with its stream, and bombs as well', async () => {
    let aborted = 0;
    const member = gzipSync(Buffer.alloc(10 * 1024 * 1024));
    // Long enough that its end is not on its way before the client has seen enough.
    const bomb = Buffer.concat(Array.from({ length: 100 }, () => member));
    const receiver = await start((stream, { body }) => {
      stream.once('close', () => {
        if (stream.rstCode !== 0) aborted++;
      });
      stream.respond(body === 'bomb' ? { ':status': 200, 'content-encoding': 'gzip' } : { ':status': 200 });
      if (body === 'bomb') stream.end(bomb);
      else stream.end(Buffer.alloc(10 * 1024 * 1024, 'z'));
    });
    expect(await send(receiver)).toMatchObject({ ok: true, status: 200, body: 'z'.repeat(4_096), truncated: true });
    expect(await send(receiver, { body: 'bomb' })).toMatchObject({ ok: true, status: 200, truncated: true });
    await eventually(() => aborted === 2, 'the streams are reset');
  });

  it('ends a slow drip at the deadline, and what runs beside it goes on', async () => {
    const receiver = await start((stream, { body }) => {
      stream.respond({ ':status': 200 });
      if (body === 'drip') {
        const timer = setInterval(() => stream.write('.'), 10);
        stream.once('close', () => clearInterval(timer));
      } else {
        setTimeout(() => stream.end('whole'), 800);
      }
    });
    const whole = send(receiver);
    await eventually(() => sessions.length === 1, 'the connection is open');
    const dripped = await send(receiver, { body: 'drip', timeoutMs: 400 });
    expect(dripped).toMatchObject({ ok: false, code: 'timeout', detail: expect.stringMatching(/no whole response/) });
    expect(await whole).toMatchObject({ ok: true, body: 'whole' });
    // A connection that lets requests time out may be dead: it gets no more of them.
    expect(await send(receiver)).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(2);
  });

  it('aborts by resetting the stream', async () => {
    let reset = 0;
    const receiver = await start((stream) => stream.once('close', () => reset++));
    const controller = new AbortController();
    const pending = send(receiver, { signal: controller.signal });
    await eventually(() => sessions.length === 1, 'the connection is open');
    controller.abort();
    expect(await pending).toMatchObject({ ok: false, code: 'aborted' });
    await eventually(() => reset === 1 || receiver.sockets.size === 0, 'the stream is reset');
    expect(client.stats()).toMatchObject({ inFlight: 0 });
  });

  it('calls a reset stream a connection failure', async () => {
    const receiver = await start((stream) => stream.close(2));
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'connection' });
  });

  it('sends a refused stream again, once', async () => {
    let refused = 0;
    const receiver = await start((stream) => {
      if (refused++ === 0) {
        stream.close(7);
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end();
    });
    expect(await send(receiver)).toMatchObject({ ok: true });
    expect(client.stats().resent).toBe(1);
    const never = await start((stream) => stream.close(7));
    expect(await send(never)).toMatchObject({ ok: false, code: 'connection' });
  });

  it('takes a connection that says goodbye out of use and opens another', async () => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('bye');
      if (sessions.length === 1) stream.session?.goaway(0);
    });
    for (let count = 0; count < 3; count++) expect(await send(receiver)).toMatchObject({ ok: true, body: 'bye' });
    expect(receiver.connections).toBe(2);
  });

  it('survives a connection that ends while it is idle', async () => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.end();
    });
    for (let count = 0; count < 5; count++) {
      expect(await send(receiver)).toMatchObject({ ok: true });
      for (const session of sessions) session.destroy();
    }
    expect(receiver.connections).toBe(5);
  });

  it('sends what an idle connection lost again over a new one', async () => {
    let killed = false;
    const receiver = await start((stream, { body }) => {
      if (body === 'lost' && !killed) {
        killed = true;
        for (const socket of receiver.sockets) socket.destroy();
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end();
    });
    expect(await send(receiver)).toMatchObject({ ok: true });
    expect(await send(receiver, { body: 'lost' })).toMatchObject({ ok: true });
    expect(client.stats().resent).toBe(1);
  });

  it('fails all streams of a fresh connection that is lost', async () => {
    let arrived = 0;
    const receiver = await start(() => {
      if (++arrived === 10) for (const socket of receiver.sockets) socket.destroy();
    });
    const results = await Promise.all(Array.from({ length: 10 }, () => send(receiver)));
    for (const result of results) expect(result).toMatchObject({ ok: false, code: 'connection' });
    expect(arrived).toBe(10);
    expect(client.stats()).toMatchObject({ origins: 0, inFlight: 0 });
  });

  it('makes room for the new connection that a refused stream needs', async () => {
    let refused = 0;
    const receiver = await start((stream) => {
      if (refused++ === 0) {
        stream.close(7);
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end();
    });
    const single = open({ socketsPerOrigin: 1 });
    const url = `https://hooks.example.com:${receiver.port}/`;
    expect(await single.send({ url, headers: {}, body: 'x', timeoutMs: 5_000 })).toMatchObject({ ok: true });
    await single.close();
  });

  it('takes an answer to a request that is not read to its end', async () => {
    const server = createSecureServer(identity);
    server.on('session', (session) => session.on('error', () => {}));
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 413 });
      stream.end('too much');
    });
    const receiver = await listen(server);
    receivers.push(receiver);
    expect(await send(receiver, { body: 'x'.repeat(1_000_000) })).toMatchObject({ ok: true, status: 413 });
    expect(client.stats()).toMatchObject({ inFlight: 0 });
  });

  it('opens a new connection when the old one is due for another check', async () => {
    const receiver = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.end();
    });
    const wary = open({ revalidateAfterMs: 20 });
    const url = `https://hooks.example.com:${receiver.port}/`;
    const request = { url, headers: {}, body: 'x', timeoutMs: 5_000 };
    expect(await wary.send(request)).toMatchObject({ ok: true });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await wary.send(request)).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(2);
    await wary.close();
    await eventually(() => receiver.sockets.size === 0, 'both are closed');
  });
});
