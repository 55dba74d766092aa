import { randomUUID } from 'node:crypto';
import { type AddressInfo, createConnection } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createApiServer } from '../../../api/http/http-server';
import { createApi, createTestApp, type TestApi } from '../../support/api-support';
import { eventually } from '../../support/receiver';

let api: TestApi;

beforeAll(async () => {
  api = await createApi({}, { WAYBILL_MAX_BODY_BYTES: '2000', WAYBILL_UPLOAD_TIMEOUT: '500ms' });
});
afterAll(() => api.close());

const JSON_TYPE = 'application/json';

async function send(where: string, body: string | Buffer | ReadableStream, headers: Record<string, string> = {}) {
  const answer = await fetch(`${api.url}${where}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.key}`, 'content-type': JSON_TYPE, ...headers },
    body,
    ...(body instanceof ReadableStream ? { duplex: 'half' as const } : {}),
  });
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
}

function inPieces(...pieces: (string | Buffer)[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece as string));
      controller.close();
    },
  });
}

const MESSAGE = '{"eventType":"a","payload":1}';
const EVENT_TYPE = () => JSON.stringify({ name: `t${randomUUID()}` });

describe('what is no JSON is refused with the place and the reason', () => {
  test.each([
    ['/v1/messages', '{"eventType":"a","payload":{"x":01}}', 33, 'expected "," or "}"'],
    ['/v1/messages', '{"eventType":"ä","payload":[1,]}', 31, 'expected a value'],
    ['/v1/messages', '{"eventType":"a" "payload":1}', 17, 'expected "," or "}"'],
    ['/v1/messages', '{"eventType":"a","payload":"\n"}', 28, 'a control character in a string must be escaped'],
    ['/v1/messages', '{"eventType":"a","payload":1', 28, 'expected "," or "}"'],
    ['/v1/messages', '{"eventType":"a","payload":1} 2', 30, 'expected the end of the text after its value'],
    ['/v1/event-types', '{"name":"a\\x"}', 10, 'not an escape sequence of JSON'],
    ['/v1/event-types', "{name:'a'}", 1, 'expected a name in double quotes'],
    ['/v1/event-types', ' ', 1, 'expected a value'],
  ])('%s %j', async (where, text, at, reason) => {
    expect(await send(where, text)).toMatchObject({
      status: 400,
      body: {
        type: '/docs/problems#malformed-json',
        detail: `The body stops being JSON at byte ${at} (counted from 0): ${reason}.`,
      },
    });
  });

  test.each([
    [[0xff], 28],
    [[0xef, 0xbf, 0xbd, 0xc3, 0x28], 31],
    [[0xed, 0xa0, 0x80], 28],
    [[0xf0, 0x9f, 0x98], 28],
    [[0xc0, 0x80], 28],
  ])('bytes that are not UTF-8: %j', async (bytes, at) => {
    const body = Buffer.concat([Buffer.from('{"eventType":"a","payload":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const { status, body: problem } = await send('/v1/messages', body);
    expect([status, problem.type, problem.detail]).toEqual([
      400,
      '/docs/problems#malformed-request',
      `The body is not UTF-8 at byte ${at} (counted from 0): send it in UTF-8.`,
    ]);
  });
});

test('a member of the body that would be its prototype is an unknown field', async () => {
  const { status, body } = await send('/v1/messages', '{"eventType":"a","payload":1,"__proto__":{"eventId":"e"}}');
  expect([status, body.errors]).toEqual([
    422,
    [{ in: 'body', pointer: '#/__proto__', detail: 'is not a known field' }],
  ]);
});

test('a body that is nested absurdly deep is refused, whatever the route', async () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  for (const [where, text, pointer] of [
    ['/v1/messages', `{"eventType":"a","payload":${deep(101)}}`, '#/payload'],
    ['/v1/messages', `{"eventType":${deep(900)},"payload":1}`, '#/eventType'],
    ['/v1/event-types', `{"name":${deep(900)}}`, '#'],
  ] as const) {
    const { status, body } = await send(where, text);
    const detail = expect.stringContaining('must not be nested more than 100 levels deep, as it is at byte ');
    expect([where, status, body.errors]).toEqual([where, 422, [{ in: 'body', pointer, detail }]]);
  }
});

describe('a body may come', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (body: Buffer) => body],
  ])('in the encoding %s', async (encoding, pack) => {
    const body = pack(Buffer.from('{"eventType":"a","payload":1.00}'));
    expect((await send('/v1/messages', body, { 'content-encoding': encoding })).status).toBe(202);
    expect(
      (await send('/v1/event-types', pack(Buffer.from(EVENT_TYPE())), { 'content-encoding': encoding })).status,
    ).toBe(201);
  });

  test('in pieces of unknown number, cut through a character', async () => {
    const bytes = Buffer.from('{"eventType":"a","payload":"\u{1f600}"}');
    expect((await send('/v1/messages', inPieces(bytes.subarray(0, 30), bytes.subarray(30)))).status).toBe(202);
  });

  test('with a byte order mark, and with a name for UTF-8', async () => {
    expect((await send('/v1/messages', `\ufeff${MESSAGE}`)).status).toBe(202);
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"', 'us-ascii'])
      expect((await send('/v1/messages', MESSAGE, { 'content-type': `${JSON_TYPE}; charset=${charset}` })).status).toBe(
        202,
      );
  });

  test('but in no other character set', async () => {
    for (const charset of ['iso-8859-1', 'utf-16le', 'nonsense']) {
      const { status, body } = await send('/v1/messages', MESSAGE, {
        'content-type': `${JSON_TYPE}; charset=${charset}`,
      });
      expect([status, body.detail]).toEqual([415, 'Send the body in UTF-8.']);
    }
  });

  test('and not damaged', async () => {
    const broken = gzipSync(MESSAGE).subarray(0, 20);
    expect((await send('/v1/messages', broken, { 'content-encoding': 'gzip' })).status).toBe(400);
  });
});

describe('a body that is too large is refused with the limit and what was sent', () => {
  const large = MESSAGE.replace('1', `"${'x'.repeat(3_000)}"`);

  test.each([
    ['counted before it is sent', large, {}, '3,030 bytes'],
    ['not counted', inPieces(large.slice(0, 100), large.slice(100)), {}, 'more'],
    ['packed', gzipSync(large), { 'content-encoding': 'gzip' }, 'more, unpacked'],
  ])('%s', async (_name, body, headers, sent) => {
    const answer = await send('/v1/messages', body, headers as Record<string, string>);
    expect(answer).toMatchObject({
      status: 413,
      body: { detail: `The body may have 2,000 bytes; this one has ${sent}. Send a smaller one.` },
    });
  });

  test('one of exactly the limit is not', async () => {
    const fitting = MESSAGE.replace('1', `"${'x'.repeat(2_000 - MESSAGE.length - 1)}"`);
    expect([fitting.length, (await send('/v1/messages', fitting)).status]).toEqual([2_000, 202]);
  });

  test('an address too', async () => {
    const { body } = await api.call('GET', `/v1/endpoints?cursor=${'x'.repeat(9_000)}`);
    expect(body.detail).toBe('Path and query may have 8,192 characters; these have 9,021.');
  });
});

describe('a request that takes too long', () => {
  function connect(port = (api.server.address() as AddressInfo).port) {
    const socket = createConnection(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    return Object.assign(socket, { answer: () => text, whenClosed: closed });
  }

  const head = (where: string, length: number, more: Record<string, string> = {}) =>
    [
      `POST ${where} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${api.key}`,
      'content-type: application/json',
      `content-length: ${length}`,
      ...Object.entries(more).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n');

  test('is answered 408 and not carried out, even if its end arrives after all', async () => {
    const body = '{"eventType":"late.one","payload":1,"eventId":"late"}';
    const socket = connect();
    socket.write(head('/v1/messages', body.length) + body.slice(0, 20));
    await eventually(() => (socket.answer() === '' ? undefined : true));
    socket.write(body.slice(20));
    await socket.whenClosed;
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 408 [\s\S]*\r\nconnection: close\r\n[\s\S]*#request-timeout/i);
    expect(socket.answer().match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect((await api.call('GET', '/v1/messages?eventType=late.one')).body.data).toEqual([]);
    expect((await send('/v1/messages', body)).body.duplicate).toBe(false);
  });

  test('leaves its idempotency key free', async () => {
    const key = randomUUID();
    const body = EVENT_TYPE();
    const socket = connect();
    socket.write(head('/v1/event-types', body.length, { 'idempotency-key': key }) + body.slice(0, 5));
    await socket.whenClosed;
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 408 /);
    expect((await send('/v1/event-types', body, { 'idempotency-key': key })).status).toBe(201);
  });

  test('so does a packed one', async () => {
    const packed = gzipSync('{"eventType":"late.packed","payload":1}');
    const socket = connect();
    socket.write(head('/v1/messages', packed.length, { 'content-encoding': 'gzip' }));
    socket.write(packed.subarray(0, 12));
    await eventually(() => (socket.answer() === '' ? undefined : true));
    socket.write(packed.subarray(12));
    await socket.whenClosed;
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 408 /);
    expect((await api.call('GET', '/v1/messages?eventType=late.packed')).body.data).toEqual([]);
  });

  test('one that is cut off is not carried out either', async () => {
    const body = '{"eventType":"cut.off","payload":1}';
    const socket = connect();
    socket.write(head('/v1/messages', body.length) + body.slice(0, 20));
    socket.end();
    await socket.whenClosed;
    expect((await api.call('GET', '/v1/messages?eventType=cut.off')).body.data).toEqual([]);
  });

  test('is answered 408 while its headers are still to come', async () => {
    const times = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 };
    const server = createApiServer(createTestApp(api.deps), times);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port);
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ');
    await socket.whenClosed;
    expect(socket.answer()).toMatch(/^HTTP\/1\.1 408 [\s\S]*application\/problem\+json[\s\S]*#request-timeout/);
    await new Promise((resolve) => server.close(resolve));
  });
});
