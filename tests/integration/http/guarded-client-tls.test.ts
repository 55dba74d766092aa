import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createRawServer } from 'node:net';
import { connect, createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { createGuardedClient, type GuardedClient } from '../../../infra/http/guarded-client';
import {
  createAuthority,
  eventually,
  type Identity,
  LOOPBACK,
  listen,
  type Receiver,
} from '../../support/guarded-client-support';

describe('guarded client, TLS', () => {
  const authority = createAuthority();
  const stranger = createAuthority();
  const identity = authority.issue(['hooks.example.com', '127.0.0.1']);
  const receivers: Receiver[] = [];
  let client: GuardedClient;

  const start = async (...args: Parameters<typeof listen>) => {
    const receiver = await listen(...args);
    receivers.push(receiver);
    return receiver;
  };
  const receive = (options: TlsOptions & Identity, seen: TLSSocket[] = []) =>
    start(
      createHttpsServer(options, (request, response) => {
        seen.push(request.socket as TLSSocket);
        response.end(request.headers.host);
      }),
    );
  const send = ({ port }: Receiver, host = 'hooks.example.com', timeoutMs = 5_000) =>
    client.send({ url: `https://${host}:${port}/`, headers: {}, body: '{}', timeoutMs });

  beforeEach(() => {
    client = createGuardedClient({ policy: LOOPBACK, extraCa: authority.cert, resolve: async () => ['127.0.0.1'] });
  });

  afterEach(async () => {
    await client.close();
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  it('accepts a certificate of the given authority for the name, with TLS 1.3 and the name as SNI and host', async () => {
    const seen: TLSSocket[] = [];
    const receiver = await receive(identity, seen);
    expect(await send(receiver)).toMatchObject({
      ok: true,
      status: 200,
      body: `hooks.example.com:${receiver.port}`,
      httpVersion: '1.1',
    });
    expect(seen[0]?.getProtocol()).toBe('TLSv1.3');
    expect(seen[0]).toMatchObject({ servername: 'hooks.example.com' });
  });

  it('accepts a certificate for an address', async () => {
    expect(await send(await receive(identity), '127.0.0.1')).toMatchObject({ ok: true });
  });

  it('accepts TLS 1.2', async () => {
    const seen: TLSSocket[] = [];
    expect(await send(await receive({ ...identity, maxVersion: 'TLSv1.2' }, seen))).toMatchObject({ ok: true });
    expect(seen[0]?.getProtocol()).toBe('TLSv1.2');
  });

  it('refuses an older protocol', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const seen: TLSSocket[] = [];
    expect(await send(await receive({ ...identity, ...old }, seen))).toMatchObject({ ok: false, code: 'tls' });
    expect(seen).toHaveLength(0);
  });

  it.each<[string, () => Identity, RegExp]>([
    ['of an unknown authority', () => stranger.issue(['hooks.example.com']), /UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
    ['for another name', () => authority.issue(['other.example.com']), /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['for a parent name', () => authority.issue(['example.com']), /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['that has expired', () => authority.issue(['hooks.example.com'], 'expired'), /CERT_HAS_EXPIRED/],
    ['that signs itself', () => stranger.self(['hooks.example.com']), /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ])('refuses a certificate %s', async (_what, make, detail) => {
    const seen: TLSSocket[] = [];
    const receiver = await receive(make(), seen);
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'tls', detail: expect.stringMatching(detail) });
    expect(seen).toHaveLength(0);
    await eventually(() => receiver.sockets.size === 0, 'the socket is closed');
  });

  it('refuses a certificate for the name where the URL has an address', async () => {
    const receiver = await receive(authority.issue(['hooks.example.com']));
    expect(await send(receiver, '127.0.0.1')).toMatchObject({ ok: false, code: 'tls' });
  });

  it('verifies although the environment says not to', async () => {
    // Jest gives tests a copy of `process`; Node reads the real one, which its own functions can see.
    const real: NodeJS.Process = connect.constructor('return process')();
    const { NODE_TLS_REJECT_UNAUTHORIZED: before } = real.env;
    const { emitWarning } = real;
    real.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    real.emitWarning = () => {};
    try {
      const receiver = await receive(stranger.issue(['hooks.example.com']));
      const naive = connect(receiver.port, '127.0.0.1', { servername: 'hooks.example.com' });
      await once(naive, 'secureConnect');
      naive.destroy();
      expect(await send(receiver)).toMatchObject({ ok: false, code: 'tls' });
    } finally {
      real.emitWarning = emitWarning;
      if (before === undefined) delete real.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else real.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  it('trusts no further authority unless told to', async () => {
    const strict = createGuardedClient({ policy: LOOPBACK, resolve: async () => ['127.0.0.1'] });
    const { port } = await receive(identity);
    const request = { url: `https://hooks.example.com:${port}/`, headers: {}, body: '', timeoutMs: 5_000 };
    expect(await strict.send(request)).toMatchObject({ ok: false, code: 'tls' });
    await strict.close();
  });

  it('refuses an authority that is no certificate', () => {
    expect(() => createGuardedClient({ policy: LOOPBACK, extraCa: 'not a certificate' })).toThrow('extraCa');
  });

  it('calls a server without TLS a TLS failure', async () => {
    const receiver = await start(
      createRawServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))),
    );
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'tls' });
  });

  it('calls a connection that ends in the handshake a TLS failure', async () => {
    const receiver = await start(createRawServer((socket) => socket.once('data', () => socket.destroy())));
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'tls' });
  });

  it('ends a handshake that never finishes at the deadline', async () => {
    const receiver = await start(createRawServer((socket) => socket.resume()));
    const result = await send(receiver, 'hooks.example.com', 200);
    expect(result).toMatchObject({ ok: false, code: 'timeout' });
    expect(result.durationMs).toBeLessThan(4_500);
    await eventually(() => receiver.sockets.size === 0 && client.stats().origins === 0, 'the socket is closed');
  });

  it('calls a connection lost after the handshake a connection failure', async () => {
    const receiver = await start(createTlsServer(identity, (socket) => socket.once('data', () => socket.destroy())));
    expect(await send(receiver)).toMatchObject({ ok: false, code: 'connection' });
  });

  it('keeps connections alive', async () => {
    const receiver = await receive(identity);
    for (let count = 0; count < 3; count++) expect(await send(receiver)).toMatchObject({ ok: true });
    expect(receiver.connections).toBe(1);
  });

  it('resumes the session of an earlier connection', async () => {
    const seen: TLSSocket[] = [];
    const held: (() => void)[] = [];
    const receiver = await start(
      createHttpsServer(identity, (request, response) => {
        seen.push(request.socket as TLSSocket);
        if (seen.length === 1) response.end();
        else held.push(() => response.end());
        // Two at once, so that the second needs a connection of its own.
        if (held.length === 2) for (const answer of held) answer();
      }),
    );
    await send(receiver);
    await Promise.all([send(receiver), send(receiver)]);
    expect(seen.map((socket) => socket.isSessionReused())).toEqual([false, false, true]);
  });

  it('opens another connection when the first hangs in its handshake, and does not let all wait for that', async () => {
    const secure = createHttpsServer(identity, (_request, response) => response.end('ok'));
    let connections = 0;
    const receiver = await start(
      createRawServer((socket) => {
        if (++connections > 1) secure.emit('connection', socket);
      }),
    );
    const results = await Promise.all(Array.from({ length: 5 }, () => send(receiver, undefined, 8_000)));
    for (const result of results) {
      expect(result).toMatchObject({ ok: true });
      expect(result.durationMs).toBeLessThan(7_500);
    }
  });
});
