import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createGuardedClient, type GuardedClient, type GuardedResult } from '../../../infra/http/guarded-client';
import { LOOPBACK, listen, type Receiver } from '../../support/guarded-client-support';

interface Trial {
  answer: string | Buffer;
  /** Whether the receiver closes its side after the answer. */
  closes?: true;
  gives: Expected;
  /** Whether the next request uses the same connection; undefined where that does not matter. */
  kept?: boolean;
}

/** What is looked at of a result: an answer, a refusal, or both where an answer broke off. */
interface Expected {
  status?: number;
  body?: string;
  note?: string;
  code?: string;
  detail?: string;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\ncontent-length: 5\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

function coded(encoding: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

const fine = { status: 200, body: 'ok' };
const RAW = 'the body is not in the encoding that Content-Encoding names: it is kept as it came';
const UNKNOWN = 'the body has an encoding that is not decoded: it is kept as it came';
const refused = (detail: string): Expected => ({ code: 'protocol', detail });

const ACCEPTED: Record<string, Trial> = {
  'an ordinary answer': { answer: OK, gives: fine, kept: true },
  '204 with a length of zero': {
    answer: 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n',
    gives: { status: 204, body: '' },
    kept: true,
  },
  '204 with a length and a body': {
    answer: 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok',
    gives: { status: 204, body: '' },
    kept: false,
  },
  '204 with a length and no body': {
    answer: 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n',
    gives: { status: 204, body: '' },
    kept: false,
  },
  '204 with chunks': {
    answer: 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    gives: { status: 204, body: '' },
    kept: false,
  },
  '204 with a body that nothing announces': {
    answer: 'HTTP/1.1 204 No Content\r\n\r\nok',
    gives: { status: 204, body: '' },
    kept: false,
  },
  'a 100 that was not asked for': { answer: CONTINUE + OK, gives: fine, kept: true },
  'several of them': { answer: CONTINUE + CONTINUE + CONTINUE + OK, gives: fine, kept: true },
  'early hints, with a length that means nothing': { answer: HINTS + OK, gives: fine, kept: true },
  'a 100, early hints and a 102': {
    answer: `${CONTINUE}${HINTS}HTTP/1.1 102 Processing\r\n\r\n${OK}`,
    gives: fine,
    kept: true,
  },
  'no reason phrase': { answer: 'HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok', gives: fine, kept: true },
  'no reason phrase and no space': { answer: 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok', gives: fine, kept: true },
  'a reason phrase of any bytes': {
    answer: Buffer.from('HTTP/1.1 200 Gut \x80\xff: fein\tso\r\ncontent-length: 2\r\n\r\nok', 'latin1'),
    gives: fine,
    kept: true,
  },
  'bare line feeds': { answer: 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok', gives: fine, kept: true },
  'bare line feeds and chunks': {
    answer: 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\n\n',
    gives: fine,
    kept: true,
  },
  'mixed line ends': { answer: 'HTTP/1.1 200 OK\r\ncontent-length: 2\n\r\nok', gives: fine, kept: true },
  'an empty line before the answer': { answer: `\r\n${OK}`, gives: fine, kept: true },
  'HTTP/1.0, ended by the connection': { answer: 'HTTP/1.0 200 OK\r\n\r\nok', closes: true, gives: fine, kept: false },
  'HTTP/1.0 with a length': {
    answer: 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
    kept: false,
  },
  'HTTP/1.0 that keeps the connection': {
    answer: 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
    kept: true,
  },
  'HTTP/1.0 with chunks': {
    answer: 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    gives: fine,
    kept: false,
  },
  'HTTP/1.1, ended by the connection': { answer: 'HTTP/1.1 200 OK\r\n\r\nok', closes: true, gives: fine, kept: false },
  'the version of HTTP/2 in a text': {
    answer: 'HTTP/2 200\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
    kept: false,
  },
  'chunk extensions': {
    answer: `${CHUNKED}1;name=value\r\no\r\n1 ; quoted="a;b"\r\nk\r\n0;last\r\n\r\n`,
    gives: fine,
    kept: true,
  },
  'chunk sizes with zeros before and spaces behind': {
    answer: `${CHUNKED}0002  \r\nok\r\n000\r\n\r\n`,
    gives: fine,
    kept: true,
  },
  trailers: {
    answer: `${CHUNKED}2\r\nok\r\n0\r\nchecksum: abc\r\ncontent-length: 9\r\n\r\n`,
    gives: fine,
    kept: true,
  },
  'chunks without the very last line': { answer: `${CHUNKED}2\r\nok\r\n0\r\n`, closes: true, gives: fine, kept: false },
  'the same length twice': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
    kept: true,
  },
  'a transfer encoding that changes nothing': {
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
  },
  'gzip as a transfer encoding': {
    answer: Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'),
      Buffer.from(`${gzipSync('ok').length.toString(16)}\r\n`),
      gzipSync('ok'),
      Buffer.from('\r\n0\r\n\r\n'),
    ]),
    gives: fine,
    kept: true,
  },
  'header lines that are none': {
    answer: 'HTTP/1.1 200 OK\r\nPHP Notice\r\n: empty\r\nx y: z\r\ncontent-length: 2\r\n\r\nok',
    gives: fine,
    kept: false,
  },
  'many large headers': {
    answer: `HTTP/1.1 200 OK\r\n${`set-cookie: ${'c'.repeat(4_000)}\r\n`.repeat(10)}content-length: 2\r\n\r\nok`,
    gives: fine,
    kept: true,
  },
  'content-encoding: utf-8': { answer: coded('utf-8', 'ok'), gives: fine, kept: true },
  'content-encoding: none': { answer: coded('none', 'ok'), gives: fine, kept: true },
  'content-encoding: identity': { answer: coded('identity', 'ok'), gives: fine, kept: true },
  'content-encoding without a value': { answer: coded('', 'ok'), gives: fine, kept: true },
  'content-encoding: gzip, identity': { answer: coded('gzip, identity', gzipSync('ok')), gives: fine, kept: true },
  'content-encoding: aws-chunked': {
    answer: coded('aws-chunked', 'ok'),
    gives: { ...fine, note: UNKNOWN },
    kept: true,
  },
  'content-encoding: gzip without any body': {
    answer: coded('gzip', ''),
    gives: { status: 200, body: '' },
    kept: true,
  },
  'text that calls itself gzip': {
    answer: coded('gzip', 'plain text'),
    gives: { status: 200, body: 'plain text', note: RAW },
    kept: true,
  },
  'text that calls itself br': {
    answer: coded('br', 'plain text'),
    gives: { status: 200, body: 'plain text', note: RAW },
    kept: true,
  },
  'bytes that call themselves gzip': {
    answer: coded('gzip', Buffer.from([1, 2, 3, 255])),
    gives: {
      status: 200,
      body: '',
      note: 'the body is not in the encoding that Content-Encoding names, and is no text: it is not kept',
    },
    kept: true,
  },
  'gzip without its end': {
    answer: coded('gzip', gzipSync('a long way to the end', { level: 0 }).subarray(0, 25)),
    gives: { status: 200, body: 'a long way', note: 'the compressed body ends too early' },
    kept: true,
  },
  'something behind an answer': { answer: `${OK}unexpected`, gives: fine, kept: false },
  'a second answer': { answer: OK + OK.replace('ok', 'no'), gives: fine, kept: false },
};

const CUT_OFF: Record<string, Trial> = {
  'in a body of a known length': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf',
    closes: true,
    gives: {
      status: 200,
      body: 'half',
      code: 'connection',
      detail: 'the connection was closed after 4 of the 9 bytes of the body',
    },
  },
  'right behind the head': {
    answer: 'HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 9\r\n\r\n',
    closes: true,
    gives: {
      status: 503,
      body: '',
      code: 'connection',
      detail: 'the connection was closed after 0 of the 9 bytes of the body',
    },
  },
  'between chunks': {
    answer: `${CHUNKED}2\r\nok\r\n`,
    closes: true,
    gives: { ...fine, code: 'connection', detail: 'the connection was closed before the last chunk of the body' },
  },
  'by a chunk that is none': {
    answer: `${CHUNKED}2\r\nok\r\nzz\r\n`,
    gives: { ...fine, code: 'protocol', detail: 'a chunk of the body does not begin with its size' },
  },
  'by a chunk that is longer than it says': {
    answer: `${CHUNKED}2\r\nokay\r\n0\r\n\r\n`,
    gives: { ...fine, code: 'protocol', detail: 'a chunk of the body is longer than it says' },
  },
  'in the middle of gzip': {
    answer: Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 99\r\n\r\n'),
      gzipSync('a long way to the end', { level: 0 }).subarray(0, 25),
    ]),
    closes: true,
    gives: {
      status: 200,
      body: 'a long way',
      code: 'connection',
      detail: 'the connection was closed after 25 of the 99 bytes of the body',
    },
  },
};

const REFUSED: Record<string, Trial> = {
  'what is not HTTP': {
    answer: 'SSH-2.0-OpenSSH_9.2\r\n',
    gives: refused('the response does not begin with "HTTP/"'),
  },
  TLS: {
    answer: Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]),
    gives: refused('the receiver speaks TLS there: its URL has to begin with https'),
  },
  'a status that is no number': {
    answer: 'HTTP/1.1 abc\r\n\r\n',
    gives: refused('the status line of the response is not valid'),
  },
  'a status of four digits': {
    answer: 'HTTP/1.1 2000 OK\r\n\r\n',
    gives: refused('the status line of the response is not valid'),
  },
  'a status below 100': {
    answer: 'HTTP/1.1 099 Eh\r\n\r\n',
    gives: refused('the status line of the response is not valid'),
  },
  'an unknown version': {
    answer: 'HTTP/7.7 200 OK\r\n\r\n',
    gives: refused('the status line of the response is not valid'),
  },
  'an upgrade': {
    answer: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    gives: refused('the response switches to another protocol (101), which was not asked for'),
  },
  'two different lengths': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    gives: refused('the response has Content-Length more than once, with different values'),
  },
  'two different lengths in one header': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nab',
    gives: refused('the response has Content-Length more than once, with different values'),
  },
  ...Object.fromEntries(
    ['-1', '+2', '0x2', '2.0', '2 2', '', 'two', '2;'].map((length) => [
      `a length of "${length}"`,
      {
        answer: `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\nok`,
        gives: refused('the Content-Length of the response is not a number'),
      },
    ]),
  ),
  'a length and chunks': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    gives: refused('the response has both Content-Length and Transfer-Encoding'),
  },
  'chunked twice': {
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    gives: refused('the Transfer-Encoding of the response does not end with its only "chunked"'),
  },
  'chunked before something else': {
    answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    gives: refused('the Transfer-Encoding of the response does not end with its only "chunked"'),
  },
  'a space before the colon of a length': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok',
    gives: refused('the response has a space between Content-Length and its colon'),
  },
  'a space before the colon of a transfer encoding': {
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n',
    gives: refused('the response has a space between Transfer-Encoding and its colon'),
  },
  'a header that goes on in the next line': {
    answer: 'HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok',
    gives: refused('a response header goes on in a second line'),
  },
  'a NUL in a header': {
    answer: 'HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 2\r\n\r\nok',
    gives: refused('a line of the response head has a NUL character'),
  },
  'a carriage return in a header': {
    answer: 'HTTP/1.1 200 OK\r\nx-a: b\rcontent-length: 2\r\n\r\nok',
    gives: refused('a line of the response head has a carriage return in the middle'),
  },
  'headers without end': {
    answer: `HTTP/1.1 200 OK\r\n${`x-a: ${'b'.repeat(100)}\r\n`.repeat(700)}`,
    gives: refused('the response head is larger than 64 KiB'),
  },
  'a line without end': {
    answer: `HTTP/1.1 200 OK\r\nx-a: ${'b'.repeat(70_000)}`,
    gives: refused('the response head is larger than 64 KiB'),
  },
  'interim answers without end': {
    answer: CONTINUE.repeat(3_000),
    gives: refused('the response head is larger than 64 KiB'),
  },
  'too many headers': {
    answer: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(1_100)}`,
    gives: refused('the response head has more than 1000 lines'),
  },
  'a head that ends early': {
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n',
    closes: true,
    gives: { code: 'connection', detail: 'the connection was closed within the head of the response' },
  },
};

describe('receivers as they are', () => {
  let answer: (socket: Socket) => void = () => {};
  let receiver: Receiver;
  let client: GuardedClient;

  beforeAll(async () => {
    receiver = await listen(createServer((socket) => socket.on('data', () => answer(socket))));
  });
  afterAll(() => receiver.close());

  beforeEach(() => {
    receiver.connections = 0;
    client = createGuardedClient({ policy: LOOPBACK });
  });
  afterEach(() => client.close());

  const send = () =>
    client.send({ url: `http://127.0.0.1:${receiver.port}/`, headers: {}, body: '{}', timeoutMs: 5_000 });

  /** Sends a trial's answer in pieces, one a turn of the event loop. */
  const play =
    ({ answer: text, closes }: Trial, pieceOf: (bytes: number) => number) =>
    (socket: Socket): void => {
      const bytes = Buffer.from(text);
      const size = pieceOf(bytes.length);
      const next = (from: number) => {
        if (socket.destroyed) return;
        if (from < bytes.length) socket.write(bytes.subarray(from, from + size), () => setImmediate(next, from + size));
        else if (closes) socket.end();
      };
      next(0);
    };

  const WAYS: [string, (bytes: number) => number][] = [
    ['at once', (bytes) => bytes],
    ['in pieces', (bytes) => (bytes > 1_000 ? 997 : 7)],
  ];

  describe.each(WAYS)('with their answer %s', (_way, pieceOf) => {
    it.each(Object.entries(ACCEPTED))('takes %s', async (_what, trial) => {
      answer = play(trial, pieceOf);
      expect(seen(await send())).toEqual(trial.gives);
      // Whatever was odd about an answer, the next one is what its own request is given.
      answer = (socket) => void socket.write(OK.replace('ok', 'ja'));
      await new Promise((resolve) => setImmediate(resolve));
      expect(seen(await send())).toEqual({ status: 200, body: 'ja' });
      if (trial.kept !== undefined) expect(receiver.connections).toBe(trial.kept ? 1 : 2);
    });

    it.each(Object.entries(CUT_OFF))('keeps the status of an answer cut off %s', async (_what, trial) => {
      answer = play(trial, pieceOf);
      expect(seen(await send())).toEqual(trial.gives);
      expect(receiver.connections).toBe(1);
    });

    it.each(Object.entries(REFUSED))('refuses %s and says why', async (_what, trial) => {
      answer = play(trial, pieceOf);
      expect(seen(await send())).toEqual(trial.gives);
      expect(receiver.connections).toBe(1);
    });
  });
});

function seen(result: GuardedResult): Expected {
  if (result.ok) {
    const { status, body, note } = result;
    return { status, body, ...(note === undefined ? {} : { note }) };
  }
  const { code, detail, answer } = result;
  return { code, detail, ...(answer === undefined ? {} : { status: answer.status, body: answer.body }) };
}
