import { createServer as createRawServer } from 'node:net';
import { createGuardedClient, type GuardedClient, type GuardedRequest } from '../../../infra/http/guarded-client';
import {
  eventually,
  LOOPBACK,
  listen,
  type Received,
  type Receiver,
  readingServer,
} from '../../support/guarded-client-support';

describe('guarded client', () => {
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

  describe('request', () => {
    it('posts the body with the given headers, the path and the name as host', async () => {
      const seen: Received[] = [];
      const receiver = await start(
        readingServer((request, response) => {
          seen.push(request);
          response.writeHead(202, { 'content-type': 'application/json', 'retry-after': '7' }).end('{"got":"ü"}');
        }),
      );
      const result = await client.send({
        url: `http://hooks.example.com:${receiver.port}/a%20b/?q=1#fragment`,
        headers: { 'Content-Type': 'application/json', 'webhook-id': 'msg_1' },
        body: '{"ü":"€"}',
        timeoutMs: 5_000,
      });
      expect(result).toEqual({
        ok: true,
        status: 202,
        headers: { contentType: 'application/json', retryAfter: '7' },
        body: '{"got":"ü"}',
        truncated: false,
        durationMs: expect.any(Number),
        httpVersion: '1.1',
      });
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({ method: 'POST', url: '/a%20b/?q=1', body: '{"ü":"€"}' });
      expect(seen[0]?.headers).toEqual({
        host: `hooks.example.com:${receiver.port}`,
        connection: 'keep-alive',
        'content-type': 'application/json',
        'webhook-id': 'msg_1',
        'content-length': '12',
      });
    });

    it('keeps the headers of the connection to itself', async () => {
      const seen: Received[] = [];
      const receiver = await start(
        readingServer((request, response) => {
          seen.push(request);
          response.end();
        }),
      );
      const headers = {
        Host: 'internal.example.com',
        Connection: 'upgrade',
        Upgrade: 'h2c',
        'Transfer-Encoding': 'chunked',
        'Content-Length': '1',
        Expect: '100-continue',
        'Accept-Encoding': 'gzip',
        'Proxy-Authorization': 'Basic x',
        'X-Kept': 'first',
        'x-kept': 'last',
      };
      expect(await send(receiver, { headers })).toMatchObject({ ok: true, status: 200 });
      expect(seen[0]?.headers).toEqual({
        host: `127.0.0.1:${receiver.port}`,
        connection: 'keep-alive',
        'content-length': '2',
        'x-kept': 'last',
      });
    });

    it.each([
      ['a line break in a value', { 'x-a': 'a\r\nx-b: b' }],
      ['a NUL in a value', { 'x-a': 'a\0' }],
      ['a character beyond Latin-1', { 'x-a': '→' }],
      ['a space in a name', { 'x a': 'b' }],
      ['a line break in a name', { 'x-a: 1\r\nx-b': 'b' }],
      ['a pseudo-header', { ':authority': 'internal.example.com' }],
    ])('does not send %s', async (_what, headers) => {
      const receiver = await start(readingServer((_request, response) => response.end()));
      expect(await send(receiver, { headers })).toMatchObject({ ok: false, code: 'protocol' });
      expect(receiver.connections).toBe(0);
    });

    it('gets without a body', async () => {
      const seen: Received[] = [];
      const receiver = await start(
        readingServer((request, response) => {
          seen.push(request);
          response.end('hello');
        }),
      );
      expect(await send(receiver, { method: 'GET', body: '' })).toMatchObject({ ok: true, body: 'hello' });
      expect(seen[0]).toMatchObject({ method: 'GET', body: '' });
      expect(seen[0]?.headers).not.toHaveProperty('content-length');
    });

    it('pays no heed to a proxy in the environment', async () => {
      const proxy = await start(readingServer((_request, response) => response.end('proxied')));
      const receiver = await start(readingServer((_request, response) => response.end('direct')));
      const before = { ...process.env };
      const address = `http://127.0.0.1:${proxy.port}`;
      Object.assign(process.env, {
        HTTP_PROXY: address,
        http_proxy: address,
        ALL_PROXY: address,
        NODE_USE_ENV_PROXY: '1',
      });
      try {
        expect(await send(receiver)).toMatchObject({ ok: true, body: 'direct' });
      } finally {
        process.env = before;
      }
      expect(proxy.connections).toBe(0);
    });
  });

  describe('failures', () => {
    it('calls a refused connection so, for all that wait for it', async () => {
      const receiver = await listen(createRawServer());
      await receiver.close();
      const results = await Promise.all(Array.from({ length: 20 }, () => send(receiver)));
      for (const result of results) {
        // Neither address nor port: they may be what the endpoint's owner is after.
        expect(result).toMatchObject({ ok: false, code: 'connection', detail: 'the connection was refused' });
      }
      expect(client.stats()).toMatchObject({ origins: 0, inFlight: 0 });
    });

    it('goes on to the next address when the first refuses', async () => {
      const receiver = await start(readingServer((_request, response) => response.end()));
      const both = createGuardedClient({ policy: LOOPBACK, resolve: async () => ['::1', '127.0.0.1'] });
      const request = { url: `http://both.example.com:${receiver.port}/`, headers: {}, body: '', timeoutMs: 5_000 };
      expect(await both.send(request)).toMatchObject({ ok: true });
      await both.close();
    });

    it("calls an unknown name so, without its resolver's words", async () => {
      const error = Object.assign(new Error('queryA ENOTFOUND via 10.0.0.53'), { code: 'ENOTFOUND' });
      const lost = createGuardedClient({ policy: LOOPBACK, resolve: () => Promise.reject(error) });
      const request = { url: 'https://nowhere.example.com/', headers: {}, body: '', timeoutMs: 5_000 };
      expect(await lost.send(request)).toMatchObject({
        ok: false,
        code: 'dns',
        detail: 'the host name cannot be resolved',
      });
      await lost.close();
    });

    it('calls a connection that is closed or reset before the response so', async () => {
      const closing = await start(createRawServer((socket) => socket.once('data', () => socket.destroy())));
      const resetting = await start(createRawServer((socket) => socket.once('data', () => socket.resetAndDestroy())));
      expect(await send(closing)).toMatchObject({ ok: false, code: 'connection' });
      expect(await send(resetting)).toMatchObject({ ok: false, code: 'connection' });
      // Fresh sockets: the request may have been received, so it is not sent again.
      expect([closing.connections, resetting.connections]).toEqual([1, 1]);
    });
  });

  describe('abort', () => {
    it('ends the request and closes its socket', async () => {
      const receiver = await start(readingServer(() => {}));
      const controller = new AbortController();
      const pending = send(receiver, { signal: controller.signal });
      await eventually(() => receiver.connections === 1, 'the request arrives');
      controller.abort();
      expect(await pending).toMatchObject({ ok: false, code: 'aborted' });
      await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
      expect(await send(receiver, { signal: controller.signal })).toMatchObject({ ok: false, code: 'aborted' });
      expect(receiver.connections).toBe(1);
    });

    it('serves many requests on one signal, and ends only those under way', async () => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on('warning', onWarning);
      const receiver = await start(
        readingServer((request, response) => void (request.body === 'quick' && response.end())),
      );
      const controller = new AbortController();
      const { signal } = controller;
      const quick = Array.from({ length: 50 }, () => send(receiver, { signal, body: 'quick' }));
      const slow = Array.from({ length: 30 }, () => send(receiver, { signal, body: 'slow' }));
      for (const result of await Promise.all(quick)) expect(result.ok).toBe(true);
      controller.abort();
      for (const result of await Promise.all(slow)) expect(result).toMatchObject({ ok: false, code: 'aborted' });
      await new Promise((done) => setImmediate(done));
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
    });
  });

  describe('close', () => {
    it('waits for what is under way and refuses what comes after', async () => {
      const receiver = await start(readingServer((_request, response) => setTimeout(() => response.end('late'), 100)));
      const narrow = createGuardedClient({ policy: LOOPBACK, socketsPerOrigin: 1 });
      const request = { url: `http://127.0.0.1:${receiver.port}/`, headers: {}, body: '', timeoutMs: 5_000 };
      const pending = [narrow.send(request), narrow.send(request)];
      const closed = narrow.close();
      expect(await narrow.send(request)).toMatchObject({ ok: false, code: 'aborted' });
      await closed;
      for (const result of await Promise.all(pending)) expect(result).toMatchObject({ ok: true, body: 'late' });
      await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
      expect(narrow.stats()).toMatchObject({ origins: 0, sockets: 0, inFlight: 0 });
      await narrow.close();
    });
  });

  it('refuses a policy whose ranges cannot be read', () => {
    const policy = { allowPrivateNetworks: ['10.0.0.0/33'], allowHttp: true };
    expect(() => createGuardedClient({ policy })).toThrow('not a CIDR range: 10.0.0.0/33');
  });
});
