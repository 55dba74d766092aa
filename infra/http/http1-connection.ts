import type { Socket } from 'node:net';
import type { Connection, ConnectionOwner } from './connection';
import { describeError, GuardedError, isConnectionLoss } from './errors';
import { ResponseParser } from './response-parser';
import type { OutgoingRequest, ResponseHead, RoundTrip } from './round-trip';

/** Assumed when a receiver does not say how long it keeps an idle connection; the usual minimum is 5 s. */
const KEEP_ALIVE_MS = 4_000;
/** Subtracted from what a receiver says, to allow for latency. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** One round trip at a time over one socket. */
export class Http1Connection implements Connection {
  readonly httpVersion = '1.1';
  readonly capacity = 1;
  readonly capacityKnown = true;
  active = 0;
  idleSince = 0;
  maxIdleMs = KEEP_ALIVE_MS;
  readonly openedAt = performance.now();
  readonly retiring = false;
  private readonly parser: ResponseParser;
  private readonly hostLines: string;
  private roundTrip: RoundTrip | undefined;
  private sent = false;
  private used = false;
  private responding = false;

  /** @param socket connected and checked */
  constructor(
    origin: string,
    private readonly socket: Socket,
    private readonly owner: ConnectionOwner,
  ) {
    const host = origin.slice(origin.indexOf('//') + 2);
    this.hostLines = ` HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
    this.parser = new ResponseParser({
      onHead: (head) => this.onHead(head),
      onBody: (piece) => void this.roundTrip?.receiveBody(piece),
    });
    // Idle connections do not keep the process alive.
    socket.unref();
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('end', () => this.onEnd());
    socket.on('error', (error) => this.fail(error));
    socket.once('close', () => this.fail(new ClosedError()));
  }

  get dead(): boolean {
    return this.socket.destroyed;
  }

  start(roundTrip: RoundTrip): void {
    this.roundTrip = roundTrip;
    this.sent = false;
    this.responding = false;
    this.parser.reset();
    this.socket.ref();
    // What a used connection has already brought, bytes or its end, is seen first: it belongs to no request of ours.
    if (this.rested) setImmediate(sendOn, this, roundTrip);
    else this.send(roundTrip);
  }

  /** Writes the request, unless the connection or the round trip has ended meanwhile. */
  send(roundTrip: RoundTrip): void {
    if (this.roundTrip !== roundTrip || this.socket.destroyed) return;
    this.sent = true;
    this.socket.write(bytesOf(roundTrip.request, this.hostLines));
  }

  cancel(): void {
    this.roundTrip = undefined;
    this.destroy();
  }

  destroy(): void {
    this.owner.closed(this);
    this.socket.destroy();
  }

  /** With idleSince set it was set aside: the receiver may have closed it since. */
  private get rested(): boolean {
    return this.used || this.idleSince > 0;
  }

  private onHead(head: ResponseHead): void {
    this.roundTrip?.receiveHead(head);
  }

  /** Never pauses: what is read of a body is bounded. */
  private onData(chunk: Buffer): void {
    if (this.roundTrip === undefined || !this.sent) {
      // Not asked for; taken for the answer to the next request, it would be somebody else's.
      this.fail(new ClosedError());
      return;
    }
    this.responding = true;
    let end: number;
    try {
      end = this.parser.read(chunk);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (end !== -1) this.complete(end === chunk.length);
  }

  private onEnd(): void {
    if (this.responding && this.parser.endsWithConnection()) this.complete(false);
    else this.fail(new ClosedError());
  }

  /** @param alone whether nothing came behind the response */
  private complete(alone: boolean): void {
    const roundTrip = this.roundTrip;
    // Broken off while its body came.
    if (roundTrip === undefined) return;
    this.roundTrip = undefined;
    this.used = true;
    this.responding = false;
    const { persistent, keepAliveMs } = this.parser;
    this.maxIdleMs = keepAliveMs === undefined ? KEEP_ALIVE_MS : keepAliveMs - KEEP_ALIVE_MARGIN_MS;
    // A receiver may answer without reading the whole request; the rest is not worth sending.
    if (alone && persistent && this.maxIdleMs > 0 && this.socket.writableLength === 0) this.socket.unref();
    else this.destroy();
    this.owner.released(this);
    roundTrip.complete();
  }

  private fail(error: unknown): void {
    const { roundTrip, responding, rested } = this;
    this.roundTrip = undefined;
    this.destroy();
    if (roundTrip === undefined) return;
    const lost = error instanceof ClosedError || isConnectionLoss(error);
    if (lost && !rested && !responding) this.owner.turnedAway();
    roundTrip.fail(responding && lost ? this.brokenOff(error) : error, lost && rested && !responding);
  }

  private brokenOff(error: unknown): GuardedError {
    const { code, detail } = describeError(error);
    return new GuardedError(code, `${detail} ${this.parser.place}`, { cause: error });
  }
}

class ClosedError extends GuardedError {
  constructor() {
    super('connection', 'the connection was closed');
  }
}

function sendOn(connection: Http1Connection, roundTrip: RoundTrip): void {
  connection.send(roundTrip);
}

/** In one piece, so that it takes one write to the socket. */
function bytesOf({ method, path, headers, body }: OutgoingRequest, hostLines: string): Buffer {
  let head = `${method} ${path}${hostLines}`;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    head += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
  }
  const length = Buffer.byteLength(body);
  head += method === 'POST' || length > 0 ? `content-length: ${length}\r\n\r\n` : '\r\n';
  const bytes = Buffer.allocUnsafe(head.length + length);
  // Header values are Latin-1, the body is UTF-8.
  bytes.write(head, 0, 'latin1');
  bytes.write(body, head.length, 'utf8');
  return bytes;
}
