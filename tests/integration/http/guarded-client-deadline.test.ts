import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer as createRawServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createGuardedClient, type GuardedClient, type GuardedRequest } from '../../../infra/http/guarded-client';
import { eventually, LOOPBACK, listen, type Receiver, readingServer } from '../../support/guarded-client-support';

describe('guarded client, deadline', () => {
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

  const expectTimeout = async (receiver: Receiver, detail: RegExp) => {
    const result = await send(receiver, { timeoutMs: 300 });
    expect(result).toMatchObject({ ok: false, code: 'timeout', detail: expect.stringMatching(detail) });
    expect(result.durationMs).toBeGreaterThan(250);
    expect(result.durationMs).toBeLessThan(4_500);
    await eventually(() => receiver.sockets.size === 0 && client.stats().sockets === 0, 'the socket is closed');
    expect(client.stats()).toMatchObject({ origins: 0, inFlight: 0 });
  };

  it('ends a wait for the response', async () => {
    await expectTimeout(await start(readingServer(() => {})), /no response/);
  });

  it('ends a slow drip of headers', async () => {
    const drip = (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x-drip: 1\r\n'), 10);
      socket.once('close', () => clearInterval(timer));
    };
    await expectTimeout(
      await start(createRawServer((socket) => socket.once('data', () => drip(socket)))),
      /no response/,
    );
  });

  it('ends a slow drip of the body', async () => {
    const receiver = await start(
      readingServer((_request, response) => {
        response.writeHead(200).flushHeaders();
        const timer = setInterval(() => response.write('.'), 10);
        response.once('close', () => clearInterval(timer));
      }),
    );
    await expectTimeout(receiver, /no whole response/);
  });

  it('ends a slow drip of a compressed body', async () => {
    const receiver = await start(
      readingServer((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).flushHeaders();
        const bytes = gzipSync('x'.repeat(5_000));
        let sent = 0;
        const timer = setInterval(() => response.write(bytes.subarray(sent, ++sent)), 50);
        response.once('close', () => clearInterval(timer));
      }),
    );
    await expectTimeout(receiver, /no whole response/);
  });

  it('ends a wait for name resolution', async () => {
    const deaf = createGuardedClient({ policy: LOOPBACK, resolve: () => new Promise(() => {}) });
    const request = { url: 'https://hooks.example.com/', headers: {}, body: '', timeoutMs: 100 };
    expect(await deaf.send(request)).toMatchObject({ ok: false, code: 'timeout' });
    expect(deaf.stats()).toMatchObject({ origins: 0, dialling: 0 });
    await deaf.close();
  });

  it('ends a wait for a socket', async () => {
    const receiver = await start(readingServer((_request, response) => setTimeout(() => response.end(), 400)));
    const narrow = createGuardedClient({ policy: LOOPBACK, socketsPerOrigin: 1 });
    const request = { url: `http://127.0.0.1:${receiver.port}/`, headers: {}, body: '' };
    const first = narrow.send({ ...request, timeoutMs: 5_000 });
    const second = await narrow.send({ ...request, timeoutMs: 100 });
    expect(second).toMatchObject({ ok: false, code: 'timeout', detail: expect.stringMatching(/no connection/) });
    expect(await first).toMatchObject({ ok: true });
    await narrow.close();
  });

  describe('with a listener that accepts nothing', () => {
    let child: ChildProcess;
    let port = 0;
    const fillers: Socket[] = [];

    beforeAll(async () => {
      const program = `const s = require('node:net').createServer();
        s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(String(s.address().port)))`;
      child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
      port = await new Promise<number>((resolve) => child.stdout?.once('data', (text) => resolve(Number(text))));
      child.kill('SIGSTOP');
      // What the backlog holds still connects; the rest waits.
      for (let count = 0; count < 8; count++) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
      await eventually(() => fillers.some((socket) => !socket.connecting), 'the backlog takes connections');
    });

    afterAll(() => {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
    });

    it('ends a wait for the connection', async () => {
      const request = { url: `http://127.0.0.1:${port}/`, headers: {}, body: '', timeoutMs: 300 };
      const results = await Promise.all([client.send(request), client.send(request)]);
      for (const result of results) {
        expect(result).toMatchObject({ ok: false, code: 'timeout' });
        expect(result.durationMs).toBeLessThan(4_500);
      }
      await eventually(() => client.stats().origins === 0, 'nothing is left');
      expect(client.stats()).toMatchObject({ dialling: 0, sockets: 0 });
    });
  });
});
