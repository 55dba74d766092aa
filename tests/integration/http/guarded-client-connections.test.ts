import { createServer, type Server } from 'node:http';
import { createServer as createRawServer, type Socket } from 'node:net';
import {
  createGuardedClient,
  type GuardedClientOptions,
  type GuardedRequest,
} from '../../../infra/http/guarded-client';
import { eventually, LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('guarded client, connections', () => {
  const cleanups: (() => Promise<void>)[] = [];

  const start = async (...args: Parameters<typeof listen>) => {
    const receiver = await listen(...args);
    cleanups.push(receiver.close);
    return receiver;
  };
  const open = (options: Partial<GuardedClientOptions> = {}) => {
    const client = createGuardedClient({ policy: LOOPBACK, resolve: async () => ['127.0.0.1'], ...options });
    cleanups.push(client.close);
    return client;
  };
  const to = ({ port }: Receiver, host = '127.0.0.1'): GuardedRequest => ({
    url: `http://${host}:${port}/`,
    headers: {},
    body: '{}',
    timeoutMs: 5_000,
  });
  const answering = (): Server =>
    createServer((request, response) => request.resume().on('end', () => response.end('ok')));

  /** Answers each request of a connection by its number, counted from 1; requests are small enough for one chunk. */
  const scripted = (answer: (socket: Socket, request: number, connection: number) => void) => {
    let connections = 0;
    return createRawServer((socket) => {
      const connection = ++connections;
      let requests = 0;
      socket.on('error', () => {});
      socket.on('data', () => answer(socket, ++requests, connection));
    });
  };

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('uses a connection again', async () => {
    const receiver = await start(answering());
    const client = open();
    for (let count = 0; count < 10; count++) expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(1);
    expect(client.stats()).toMatchObject({ origins: 1, sockets: 1, idleSockets: 1, inFlight: 0, queued: 0 });
  });

  it('opens no more connections to one origin than allowed, and asks DNS once for them', async () => {
    let together = 0;
    let most = 0;
    let questions = 0;
    const receiver = await start(
      createServer((_request, response) => {
        most = Math.max(most, ++together);
        setTimeout(() => {
          together--;
          response.end();
        }, 5);
      }),
    );
    const client = open({
      socketsPerOrigin: 7,
      resolve: async () => {
        questions++;
        return ['127.0.0.1'];
      },
    });
    const pending = Array.from({ length: 100 }, () => client.send(to(receiver, 'busy.example.com')));
    await eventually(() => client.stats().sockets === 7, 'all connections are open');
    expect(client.stats()).toMatchObject({ sockets: 7, dialling: 0 });
    for (const result of await Promise.all(pending)) expect(result).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(7);
    expect(most).toBe(7);
    expect(questions).toBe(1);
  });

  it('keeps origins apart: one that does not answer holds up no other', async () => {
    const deaf = await start(createServer(() => {}));
    const receiver = await start(answering());
    const client = open({ socketsPerOrigin: 2 });
    const stuck = Array.from({ length: 20 }, () => client.send({ ...to(deaf), timeoutMs: 400 }));
    for (let count = 0; count < 20; count++) expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    for (const result of await Promise.all(stuck)) expect(result).toMatchObject({ ok: false, code: 'timeout' });
    expect(deaf.connections).toBeLessThanOrEqual(4);
  });

  it('opens a new connection when the old one is due for another check, and resolves for it', async () => {
    let questions = 0;
    const receiver = await start(answering());
    const client = open({
      revalidateAfterMs: 30,
      resolve: async () => {
        questions++;
        return ['127.0.0.1'];
      },
    });
    const request = to(receiver, 'checked.example.com');
    const deadline = performance.now() + 5_000;
    while (receiver.connections < 4 && performance.now() < deadline) {
      expect(await client.send(request)).toMatchObject({ ok: true });
    }
    expect(receiver.connections).toBe(4);
    expect(questions).toBe(receiver.connections);
    await eventually(() => receiver.sockets.size <= 1, 'the old ones are closed');
  });

  it('opens a new connection for each request where the receiver closes after each', async () => {
    const receiver = await start(
      createServer((_request, response) => response.writeHead(200, { connection: 'close' }).end('ok')),
    );
    const client = open({ socketsPerOrigin: 3 });
    const results = await Promise.all(Array.from({ length: 30 }, () => client.send(to(receiver))));
    for (const result of results) expect(result).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(30);
    await eventually(() => client.stats().origins === 0, 'nothing is left');
  });

  it('takes a body that ends with the connection', async () => {
    const receiver = await start(scripted((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold')));
    const client = open();
    for (let count = 0; count < 3; count++) {
      expect(await client.send(to(receiver))).toMatchObject({ ok: true, status: 200, body: 'old' });
    }
    expect(client.stats().resent).toBe(0);
  });

  it('heeds how long a receiver says it keeps an idle connection', async () => {
    const receiver = await start(
      createServer((_request, response) => response.writeHead(200, { 'keep-alive': 'timeout=1' }).end('ok')),
    );
    const client = open();
    for (let count = 0; count < 2; count++) expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    // One second, less the margin of one: not worth keeping.
    expect(receiver.connections).toBe(2);
  });

  it('loses nothing to a receiver that closes idle connections at random', async () => {
    let requests = 0;
    const receiver = await start(
      createRawServer((socket) => {
        let idle: NodeJS.Timeout | undefined;
        socket.on('data', () => {
          requests++;
          clearTimeout(idle);
          socket.write(OK);
          idle = setTimeout(() => socket.destroy(), Math.random() * 4);
        });
      }),
    );
    const client = open();
    const outcomes: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let count = 0; count < 100; count++) {
          const result = await client.send(to(receiver));
          outcomes.push(result.ok ? 'ok' : result.detail);
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        }
      }),
    );
    expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([]);
    expect(outcomes).toHaveLength(800);
    // None was received twice: what was sent again had been lost.
    expect(requests).toBe(800);
  });

  it('sends again, over a new connection, what a used one lost without a byte of a response', async () => {
    const receiver = await start(
      scripted((socket, request, connection) => {
        if (connection < 3 && request === 2) socket.destroy();
        else setTimeout(() => socket.write(OK), 20);
      }),
    );
    const client = open();
    // Two connections, so that a second stale one is available when the first fails.
    await Promise.all([client.send(to(receiver)), client.send(to(receiver))]);
    expect(receiver.connections).toBe(2);
    expect(await client.send(to(receiver))).toMatchObject({ ok: true, body: 'ok' });
    expect(receiver.connections).toBe(3);
    expect(client.stats().resent).toBe(1);
  });

  it('sends again only once', async () => {
    const receiver = await start(
      scripted((socket, request, connection) => {
        if (connection === 1 && request === 1) socket.write(OK);
        else socket.destroy();
      }),
    );
    const client = open();
    expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    expect(await client.send(to(receiver))).toMatchObject({ ok: false, code: 'connection' });
    expect(receiver.connections).toBe(2);
  });

  it.each([
    ['a byte of a response came', 'H'],
    ['headers came', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'],
  ])('does not send again when %s', async (_what, beginning) => {
    const receiver = await start(
      scripted((socket, request) => {
        if (request === 1) socket.write(OK);
        else socket.write(beginning, () => socket.resetAndDestroy());
      }),
    );
    const client = open();
    expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    expect(await client.send(to(receiver))).toMatchObject({ ok: false });
    expect(receiver.connections).toBe(1);
    expect(client.stats().resent).toBe(0);
  });

  it('does not send again after the deadline', async () => {
    const receiver = await start(scripted((socket, request) => void (request === 1 && socket.write(OK))));
    const client = open();
    expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    expect(await client.send({ ...to(receiver), timeoutMs: 100 })).toMatchObject({ ok: false, code: 'timeout' });
    expect(receiver.connections).toBe(1);
  });

  it('waits for the connections it has when the receiver takes no more', async () => {
    const server = answering();
    server.maxConnections = 2;
    const receiver = await start(server);
    const client = open({ socketsPerOrigin: 10 });
    expect(await client.send(to(receiver))).toMatchObject({ ok: true });
    const results = await Promise.all(Array.from({ length: 30 }, () => client.send(to(receiver))));
    // Connections over the limit are accepted by the kernel and then closed: those requests may fail, the others must not.
    expect(results.filter((result) => result.ok).length).toBeGreaterThan(15);
    expect(client.stats()).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('forgets a thousand origins as their connections end', async () => {
    const receiver = await start(
      createServer((_request, response) => response.writeHead(200, { 'keep-alive': 'timeout=2' }).end('ok')),
    );
    const client = open({ maxIdleSockets: 50 });
    let next = 0;
    let mostIdle = 0;
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (next < 1_000) {
          const result = await client.send(to(receiver, `tenant-${next++}.example.com`));
          if (!result.ok) throw new Error(result.detail);
          mostIdle = Math.max(mostIdle, client.stats().idleSockets);
        }
      }),
    );
    expect(receiver.connections).toBeGreaterThanOrEqual(1_000);
    expect(mostIdle).toBeLessThanOrEqual(50);
    expect(client.stats().origins).toBeLessThanOrEqual(50);
    await eventually(() => client.stats().origins === 0, 'the rest ends idle');
    expect(client.stats()).toMatchObject({ sockets: 0, idleSockets: 0 });
  });
});
