import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createGuardedClient, type GuardedClient } from '../../../infra/http/guarded-client';
import { createAuthority, LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

/** More than the buffers of both sides take, so that the client is still writing when the answer comes. */
const LARGE = 'x'.repeat(8 * 1024 * 1024);
const STATUSES = [200, 401, 413, 503];

/** What a receiver does with its connection behind an answer, with most of the request unread. */
const ENDINGS: Record<string, (socket: Socket, sockets: Iterable<Socket>) => void> = {
  'leaves the connection open': () => {},
  'closes its side': (socket) => void socket.end(),
  'closes the connection with the request unread': (socket) => void socket.destroySoon(),
  'resets the connection': (_socket, sockets) => {
    for (const tcp of sockets) tcp.resetAndDestroy();
  },
};

const HEADS: Record<string, (status: number) => string> = {
  'a length': (status) => `HTTP/1.1 ${status} Early\r\ncontent-length: 5\r\n\r\nearly`,
  'a length and "close"': (status) => `HTTP/1.1 ${status} Early\r\nconnection: close\r\ncontent-length: 5\r\n\r\nearly`,
  chunks: (status) => `HTTP/1.1 ${status} Early\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\n\r\n`,
};

describe('receivers that answer before they have read the request', () => {
  const authority = createAuthority();
  let behave: (socket: Socket) => void = () => {};
  let plain: Receiver;
  let secure: Receiver;
  let client: GuardedClient;

  beforeAll(async () => {
    plain = await listen(createServer({ allowHalfOpen: true }, (socket) => behave(socket)));
    const identity = authority.issue(['hooks.example.com']);
    const options = { ...identity, ALPNProtocols: ['http/1.1'], allowHalfOpen: true };
    secure = await listen(
      createTlsServer(options, (socket) => {
        socket.on('error', () => {});
        behave(socket);
      }),
    );
  });
  afterAll(async () => {
    await plain.close();
    await secure.close();
  });
  beforeEach(() => {
    client = createGuardedClient({ policy: LOOPBACK, extraCa: authority.cert, resolve: async () => ['127.0.0.1'] });
  });
  afterEach(() => client.close());

  const receiverOf = (scheme: string) => (scheme === 'http' ? plain : secure);
  const socketsOf = (scheme: string) => receiverOf(scheme).sockets;
  const send = (scheme: string, body = LARGE) => {
    const { port } = receiverOf(scheme);
    return client.send({ url: `${scheme}://hooks.example.com:${port}/`, headers: {}, body, timeoutMs: 8_000 });
  };

  describe.each(['http', 'https'])('over %s', (scheme) => {
    describe.each(Object.entries(HEADS))('with %s', (_head, head) => {
      it.each(Object.entries(ENDINGS))('are taken at their word by one that %s', async (_ending, end) => {
        for (const status of STATUSES) {
          behave = (socket) =>
            socket.once('readable', () => {
              // The first bytes are looked at, the rest stays where it is.
              socket.read(1);
              socket.write(head(status), () => end(socket, socketsOf(scheme)));
            });
          expect(await send(scheme)).toMatchObject({ ok: true, status, body: 'early' });
        }
        expect(client.stats()).toMatchObject({ inFlight: 0, sockets: 0, resent: 0 });
      });
    });

    it.each(Object.entries(ENDINGS).slice(1))(
      'keep their status when the body has no length and one %s',
      async (_ending, end) => {
        for (const status of STATUSES) {
          behave = (socket) =>
            socket.once('readable', () => {
              socket.read(1);
              socket.write(`HTTP/1.1 ${status} Early\r\n\r\nearly`, () => end(socket, socketsOf(scheme)));
            });
          const result = await send(scheme);
          // Where the connection is reset nobody knows whether the body was whole.
          if (result.ok) expect(result).toMatchObject({ status, body: 'early' });
          else expect(result).toMatchObject({ code: 'connection', answer: { status, body: 'early' } });
        }
      },
    );

    it('are heard also when they answer as soon as they are connected to', async () => {
      behave = (socket) => void socket.end('HTTP/1.1 503 Full\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n');
      for (const body of ['{}', LARGE]) {
        const result = await send(scheme, body);
        expect(result).toMatchObject({ ok: true, status: 503, headers: { retryAfter: '9' } });
      }
    });
  });

  it('take the whole of a large request when they want it', async () => {
    let bytes = 0;
    behave = (socket) =>
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LARGE.length) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    expect(await send('http')).toMatchObject({ ok: true, status: 200 });
    expect(bytes).toBeGreaterThan(LARGE.length);
  });

  it('are not taken at a word that they said to an idle connection', async () => {
    const POISON = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison';
    let connections = 0;
    let written: () => void = () => {};
    const poisoned = new Promise<void>((resolve) => {
      written = resolve;
    });
    behave = (socket) => {
      const first = ++connections === 1;
      socket.once('data', () => {
        const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
        socket.write(answer);
        // Written in the turn of the event loop in which the next request is handed over.
        if (first) setTimeout(() => socket.write(POISON, () => written()), 5);
      });
    };
    expect(await send('http', '{}')).toMatchObject({ ok: true, body: 'ok' });
    await poisoned;
    expect(await send('http', '{}')).toMatchObject({ ok: true, body: 'ok' });
    expect(connections).toBe(2);
  });
});
