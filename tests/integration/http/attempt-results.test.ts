import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { newId } from '../../../core/ids';
import { type AttemptReport, attempt } from '../../../domains/webhooks/delivery/attempt';
import { decide } from '../../../domains/webhooks/rules/attempt-outcome';
import { createGuardedClient, type GuardedClient } from '../../../infra/http/guarded-client';
import { LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

const CONTEXT = { delaysMs: [1_000], attemptsInRun: 1, random: 0.5, nowMs: 0 };

/** What attempts say of answers that are not as they should be, and what follows from them. */
describe('an attempt', () => {
  let answer: (socket: Socket) => void = () => {};
  let receiver: Receiver;
  let client: GuardedClient;

  beforeAll(async () => {
    receiver = await listen(createServer((socket) => socket.once('data', () => answer(socket))));
    client = createGuardedClient({ policy: LOOPBACK });
  });
  afterAll(async () => {
    await client.close();
    await receiver.close();
  });

  const make = (): Promise<AttemptReport> => {
    const endpoint = {
      version: 1,
      url: `http://127.0.0.1:${receiver.port}/`,
      timeoutMs: 300,
      retryDelaysMs: [1_000],
      rateLimit: undefined,
      headers: { 'x-key': 'secret-of-the-receiver' },
      keys: [{ key: Buffer.alloc(32, 1), expiresAtMs: Number.POSITIVE_INFINITY }],
    };
    return attempt(client, endpoint, newId('msg'), '{}');
  };

  it.each([
    [
      'a 204 with a length',
      'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok',
      { errorDetail: undefined, responseBody: undefined, timedOut: false },
    ],
    [
      'an answer that is cut off',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf',
      {
        errorDetail: 'the connection was closed after 4 of the 9 bytes of the body',
        responseBody: 'half',
        timedOut: false,
      },
    ],
    [
      'a body that is not gzip',
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\ntext',
      {
        errorDetail: 'the body is not in the encoding that Content-Encoding names: it is kept as it came',
        responseBody: 'text',
        timedOut: false,
      },
    ],
  ])('that is given %s has delivered, and is not repeated', async (_what, text, expected) => {
    answer = (socket) => void socket.end(text);
    const report = await make();
    expect(report).toMatchObject({ result: { kind: 'response' }, error: undefined, ...expected });
    expect(decide(report.result, CONTEXT)).toEqual({ state: 'delivered' });
  });

  it('has delivered also where the answer never ends; the endpoint is known to hold its turns', async () => {
    answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nok');
    const report = await make();
    expect(report).toMatchObject({
      result: { kind: 'response', status: 200 },
      error: undefined,
      errorDetail: 'no whole response within the timeout',
      responseBody: 'ok',
      timedOut: true,
    });
    expect(decide(report.result, CONTEXT)).toEqual({ state: 'delivered' });
  });

  it('heeds the status and Retry-After of a failure that is cut off', async () => {
    answer = (socket) => void socket.end('HTTP/1.1 503 Busy\r\nretry-after: 60\r\ncontent-length: 9\r\n\r\n');
    const report = await make();
    expect(report).toMatchObject({ error: 'http-503', errorDetail: expect.stringMatching(/after 0 of the 9 bytes/) });
    expect(decide(report.result, CONTEXT)).toEqual({ state: 'retrying', delayMs: 60_000 });
  });

  it.each([
    ['content-length: 1\r\ncontent-length: 2', 'the response has Content-Length more than once, with different values'],
    ['content-length: 2\r\ntransfer-encoding: chunked', 'the response has both Content-Length and Transfer-Encoding'],
  ])('says what is wrong with a response that is refused: %j', async (fields, errorDetail) => {
    answer = (socket) => void socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\nok`);
    const report = await make();
    expect(report).toMatchObject({ result: { kind: 'error', code: 'protocol' }, error: 'protocol', errorDetail });
    expect(decide(report.result, CONTEXT)).toEqual({ state: 'retrying', delayMs: 1_000 });
  });

  it.each([
    ['cut off', (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n${text}`],
    ['called gzip', (text: string) => `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n${text}`],
    ['called zstd', (text: string) => `HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\n${text}`],
  ])('shows no secret that a body repeats, also where that is %s', async (_what, wrap) => {
    answer = (socket) => void socket.end(wrap('your key is secret-of-the-receiver'));
    expect(JSON.stringify(await make())).not.toMatch(/secret-of/);
  });

  it('keeps no bytes in which what is to be hidden cannot be found', async () => {
    const bytes = gzipSync('your key is secret-of-the-receiver', { level: 0 });
    answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\n');
      socket.end(bytes);
    };
    expect(await make()).toMatchObject({
      error: undefined,
      errorDetail: 'the body has an encoding that is not decoded, and is no text: it is not kept',
      responseBody: undefined,
    });
  });
});
