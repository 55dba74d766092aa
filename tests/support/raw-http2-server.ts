import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { Identity } from './guarded-client-support';

const PREFACE_BYTES = 24;
const [DATA, HEADERS, SETTINGS, PING] = [0, 1, 4, 6];
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;

export interface RawAnswer {
  /** `coded` is its one byte in HPACK's static table. */
  status: { status: number; coded: number };
  /** `content-length`. */
  length?: string | undefined;
  body?: string | undefined;
  /** Leaves the stream open behind the head. */
  endless?: boolean;
}

/** A receiver that gives an answer in bytes of its own making, which `node:http2` would not send; over HTTP/1.1 the same. */
export function rawHttp2Server({ cert, key }: Identity, answer: RawAnswer): Server {
  return createServer({ cert, key, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    if (socket.alpnProtocol !== 'h2') {
      const length = answer.length === undefined ? '' : `content-length: ${answer.length}\r\n`;
      socket.on('data', () => socket.write(`HTTP/1.1 ${answer.status.status} \r\n${length}\r\n${answer.body ?? ''}`));
      return;
    }
    socket.write(frame(SETTINGS, 0, 0));
    let rest: Buffer = Buffer.alloc(0);
    let skip = PREFACE_BYTES;
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      const skipped = Math.min(skip, rest.length);
      skip -= skipped;
      rest = rest.subarray(skipped);
      for (let length = frameLength(rest); length !== undefined; length = frameLength(rest)) {
        take(socket, rest.subarray(0, length), answer);
        rest = rest.subarray(length);
      }
    });
  });
}

function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < 9) return undefined;
  const length = 9 + bytes.readUIntBE(0, 3);
  return bytes.length < length ? undefined : length;
}

function take(socket: Socket, bytes: Buffer, { status, length, body, endless = false }: RawAnswer): void {
  const [type = 0, flags = 0, stream] = [bytes[3], bytes[4], bytes.readUInt32BE(5)];
  if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
  if (type === PING && (flags & ACK) === 0) socket.write(frame(PING, ACK, 0, bytes.subarray(9)));
  if ((type !== DATA && type !== HEADERS) || (flags & END_STREAM) === 0) return;
  // `content-length` is number 28 of the static table: a literal that is not kept.
  const lengthHeader = length === undefined ? [] : [0x0f, 28 - 15, length.length, ...Buffer.from(length)];
  const ends = body === undefined && !endless ? END_STREAM : 0;
  socket.write(frame(HEADERS, END_HEADERS | ends, stream, Buffer.from([status.coded, ...lengthHeader])));
  if (body !== undefined) socket.write(frame(DATA, END_STREAM, stream, Buffer.from(body)));
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
