import fc from 'fast-check';
import { quickestMs } from '../../tests/support/quickest';
import { describeError } from './errors';
import { ResponseParser } from './response-parser';
import type { ResponseHead } from './round-trip';

/** All that a parser makes of bytes. */
interface Outcome {
  head: ResponseHead | undefined;
  body: string;
  /** Where the response ended; `-1` if it goes on. */
  end: number;
  error: string | undefined;
  endsWithConnection: boolean;
  persistent: boolean;
  keepAliveMs: number | undefined;
  place: string;
}

function parse(bytes: Buffer, sizes: readonly number[]): Outcome {
  let head: ResponseHead | undefined;
  const body: Buffer[] = [];
  const parser = new ResponseParser({
    onHead: (seen) => {
      head = seen;
    },
    onBody: (piece) => void body.push(piece),
  });
  parser.reset();
  let end = -1;
  let error: string | undefined;
  try {
    for (let from = 0, turn = 0; from < bytes.length && end === -1; turn++) {
      const chunk = bytes.subarray(from, from + (sizes[turn % sizes.length] ?? 1));
      const at = parser.read(chunk);
      if (at !== -1) end = from + at;
      from += chunk.length;
    }
  } catch (caught) {
    const { code, detail } = describeError(caught);
    error = `${code}: ${detail}`;
  }
  const { persistent, keepAliveMs } = parser;
  // Not asked for after an error.
  const place = error === undefined ? parser.place : '';
  const text = Buffer.concat(body).toString('latin1');
  return {
    head,
    body: text,
    end,
    error,
    endsWithConnection: parser.endsWithConnection(),
    persistent,
    keepAliveMs,
    place,
  };
}

const WHOLE = [Number.MAX_SAFE_INTEGER];
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

const lineEnd = fc.constantFrom('\r\n', '\r\n', '\n');
const value = fc.string({ unit: fc.constantFrom(...'abc019 ,;:="/\\\t-éÿ'), maxLength: 30 });
const oddLine = fc.constantFrom('no colon', ': nothing', 'x : y', ' folded', 'a\0: b', 'a: b\rc', 'content-length : 1');
const field = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('x-a', 'Server', 'Date', 'set-cookie', 'Retry-After'), value)
      .map((pair) => pair.join(': ')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Connection: close', 'connection: keep-alive', 'Keep-Alive: timeout=5, max=9'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Content-Encoding: gzip', 'Content-Type: text/plain', 'Transfer-Encoding: chunked'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Content-Length: 3', 'Content-Length: 0', 'content-length: 3, 3', 'Content-Length: x'),
  },
  { weight: 1, arbitrary: oddLine },
);
const statusLine = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 100, max: 599 }).map((status) => `HTTP/1.1 ${status} Reason`) },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0 200 OK', 'HTTP/1.1 204', 'HTTP/2 200', 'HTTP/1.1 20', 'HTTQ', '') },
);
const head = fc
  .tuple(statusLine, fc.array(field, { maxLength: 6 }), lineEnd)
  .map(([status, fields, end]) => [status, ...fields, '', ''].join(end));

/** A body in chunks, with extensions and trailers, as it goes over the wire, and what it holds. */
const chunked = fc
  .tuple(
    fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.constantFrom('', ';a', ' ; b="c;d"', '  ')), {
      maxLength: 5,
    }),
    fc.array(fc.constantFrom('x-trailer: 1', 'y: 2'), { maxLength: 2 }),
    lineEnd,
  )
  .map(([chunks, trailers, end]) => ({
    wire: Buffer.concat([
      ...chunks.flatMap(([data, extension]) => [
        Buffer.from(`${data.length.toString(16)}${extension}${end}`),
        data,
        Buffer.from(end),
      ]),
      Buffer.from(['0', ...trailers, '', ''].join(end)),
    ]),
    body: Buffer.concat(chunks.map(([data]) => data)),
  }));

/** Something like responses: interim ones, a head of any kind, a body of any kind. */
const responses = fc
  .tuple(
    fc.array(head, { minLength: 1, maxLength: 3 }),
    fc.oneof(
      chunked.map(({ wire }) => wire),
      fc.uint8Array({ maxLength: 60 }),
    ),
  )
  .map(([heads, body]) => Buffer.concat([Buffer.from(heads.join(''), 'latin1'), body]));

describe('ResponseParser', () => {
  it('gives the same result however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          responses,
          responses,
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        ),
        cuts,
        (bytes, sizes) => {
          expect(parse(bytes, sizes)).toEqual(parse(bytes, WHOLE));
          expect(parse(bytes, [1])).toEqual(parse(bytes, WHOLE));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('throws nothing but what it says of a response, whatever comes', () => {
    fc.assert(
      fc.property(
        responses,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        cuts,
        (bytes, changes, sizes) => {
          for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          const { error } = parse(bytes, sizes);
          expect(error === undefined || error.startsWith('protocol: ')).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('takes a body out of its chunks and stops behind it', () => {
    fc.assert(
      fc.property(chunked, cuts, fc.string(), ({ wire, body }, sizes, behind) => {
        const start = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const outcome = parse(Buffer.concat([start, wire, Buffer.from(behind)]), sizes);
        expect(outcome).toMatchObject({
          body: body.toString('latin1'),
          end: start.length + wire.length,
          error: undefined,
          persistent: true,
        });
      }),
    );
  });

  it('reads a body of any length and stops behind it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), cuts, fc.string(), (body, sizes, behind) => {
        const start = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
        const outcome = parse(Buffer.concat([start, body, Buffer.from(behind)]), sizes);
        expect(outcome).toMatchObject({ body: Buffer.from(body).toString('latin1'), end: start.length + body.length });
      }),
    );
  });

  it('reads one response after the other', () => {
    const seen: number[] = [];
    const parser = new ResponseParser({ onHead: ({ status }) => void seen.push(status), onBody: () => {} });
    for (const status of [200, 204, 500]) {
      parser.reset();
      const bytes = Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
      expect(parser.read(bytes)).toBe(bytes.length);
    }
    expect(seen).toEqual([200, 204, 500]);
  });

  it.each([
    ['timeout=5', 5_000],
    ['timeout=5, max=100', 5_000],
    ['max=100,timeout="7"', 7_000],
    ['max=1', undefined],
    ['timeout=soon', undefined],
  ])('reads Keep-Alive: %s', (sent, expected) => {
    const bytes = Buffer.from(`HTTP/1.1 204 X\r\nkeep-alive: ${sent}\r\n\r\n`);
    expect(parse(bytes, WHOLE).keepAliveMs).toBe(expected);
  });

  it.each([
    [
      'chunk sizes beyond any memory',
      `${'f'.repeat(13)}\r\n`,
      'a chunk of the body says that it is larger than any can be',
    ],
    ['extensions without end', `1;${'x'.repeat(20_000)}\r\n`, 'the chunk extensions of the body are too large'],
    ['zeros without end', '0'.repeat(20_000), 'the chunk extensions of the body are too large'],
    [
      'trailers without end',
      `0\r\n${'x: y\r\n'.repeat(20_000)}`,
      'the trailers of the response are larger than 64 KiB',
    ],
  ])('bounds %s', (_what, body, detail) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
    expect(parse(bytes, WHOLE)).toMatchObject({ error: `protocol: ${detail}`, head: { status: 200 } });
  });

  it('needs time that grows with the bytes only, also when they come one by one', async () => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(60_000)}\r\n\r\n`);
    const read = () => expect(parse(bytes, [1])).toMatchObject({ head: { status: 200 } });
    expect(await quickestMs(5_000, read)).toBeLessThan(5_000);
  });
});
