import type { Transform } from 'node:stream';
import { createDecoder } from './content-decoder';
import { describeError } from './errors';
import { ResponseBody } from './response-body';
import type { GuardedErrorCode, GuardedResult, HttpVersion } from './result';
import { type Abortable, SignalWatch } from './signal-watch';

/** What is sent, ready for the wire. */
export interface OutgoingRequest {
  method: 'POST' | 'GET';
  path: string;
  /** Flat `[name, value, …]` list, names in lower case. */
  headers: string[];
  body: string;
}

/** The response headers that matter here; `''` when absent. */
export interface ResponseHead {
  status: number;
  contentType: string;
  retryAfter: string;
  contentEncoding: string;
}

/** The connection that carries a round trip. */
export interface Carrier {
  readonly httpVersion: HttpVersion;
  /** Ends the round trip from this side: over HTTP/1.1 with the socket, over HTTP/2 with the stream. */
  cancel(roundTrip: RoundTrip): void;
}

/** The pool that a round trip waits in. */
export interface Home {
  /** Sends again, over a new connection. */
  resend(roundTrip: RoundTrip): void;
  /** Called once, when the round trip has its result. */
  settled(roundTrip: RoundTrip): void;
}

const MAX_HEADER_LENGTH = 256;

/** What bounds a round trip. */
export interface RoundTripLimits {
  /** `performance.now()` when it was asked for. */
  startedAt: number;
  /** Milliseconds from then on for all of it. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** Bytes of the body that are kept, and that are read at most. */
  keepBytes: number;
  maxBytes: number;
}

/** One request and its response, from the call of `send` to its result, over whichever connections carry it. */
export class RoundTrip implements Abortable {
  settled = false;
  position = 0;
  /** The connection it is on; undefined while it waits and once the response is complete. */
  carrier: Carrier | undefined;
  private resent = false;
  private head: ResponseHead | undefined;
  private httpVersion: HttpVersion = '1.1';
  private readonly body: ResponseBody;
  private encodedBytes = 0;
  private decoder: Transform | undefined;
  private readonly timer: NodeJS.Timeout;
  private readonly watch: SignalWatch | undefined;

  private readonly startedAt: number;
  private readonly maxBytes: number;

  constructor(
    readonly request: OutgoingRequest,
    private readonly home: Home,
    { startedAt, timeoutMs, signal, keepBytes, maxBytes }: RoundTripLimits,
    private readonly resolve: (result: GuardedResult) => void,
  ) {
    this.startedAt = startedAt;
    this.maxBytes = maxBytes;
    this.body = new ResponseBody(keepBytes, maxBytes);
    // One timer a request; Node keeps those of equal length in one list, so setting and clearing costs 0.3 µs.
    this.timer = setTimeout(expire, timeoutMs, this);
    this.watch = signal === undefined ? undefined : SignalWatch.of(signal);
    this.watch?.add(this);
  }

  /** The response's status and headers; 1xx responses are not reported. */
  receiveHead(head: ResponseHead): void {
    this.head = head;
    if (this.carrier !== undefined) this.httpVersion = this.carrier.httpVersion;
  }

  /**
   * A piece of the body.
   *
   * @param resume called once when more may come after `false`; absent where the sender cannot be paused; what still
   *   comes is bounded
   * @returns whether the next piece may come at once
   */
  receiveBody(chunk: Buffer, resume?: () => void): boolean {
    if (this.settled) return true;
    const encoding = this.head?.contentEncoding ?? '';
    if (encoding !== '' && encoding !== 'identity') return this.decode(chunk, encoding, resume);
    if (!this.body.push(chunk)) this.breakOff();
    return true;
  }

  /** The body is whole. */
  complete(): void {
    this.carrier = undefined;
    if (this.decoder === undefined) this.succeed();
    else this.decoder.end();
  }

  /**
   * The connection failed under it.
   *
   * @param mayResend whether the connection was used before and no byte of a response came: then the receiver most
   *   likely closed it while it was idle, and the request is sent once more. If the receiver did get it the first time,
   *   it gets it twice: delivery is at least once, and receivers detect that by the `webhook-id`.
   */
  fail(error: unknown, mayResend: boolean): void {
    if (this.settled) return;
    this.carrier = undefined;
    if (mayResend && !this.resent && this.head === undefined) {
      this.resent = true;
      this.home.resend(this);
      return;
    }
    const { code, detail } = describeError(error);
    this.settle({ ok: false, code, detail, durationMs: this.elapsed() });
  }

  private end(code: GuardedErrorCode, detail: string): void {
    if (this.settled) return;
    this.settle({ ok: false, code, detail, durationMs: this.elapsed() });
    this.carrier?.cancel(this);
  }

  /** The caller's signal has aborted. */
  abort(): void {
    this.end('aborted', 'the request was aborted');
  }

  /** The deadline has passed. */
  expire(): void {
    const waitedFor =
      this.carrier === undefined ? 'connection' : this.head === undefined ? 'response' : 'whole response';
    this.end('timeout', `no ${waitedFor} within the timeout`);
  }

  private decode(chunk: Buffer, encoding: string, resume?: () => void): boolean {
    if (this.decoder?.writableEnded === true) return false;
    const room = this.maxBytes - this.encodedBytes;
    this.encodedBytes += chunk.length;
    this.decoder ??= this.startDecoder(encoding, chunk[0] ?? 0);
    if (this.decoder === undefined) {
      this.body.incomplete = true;
      if (chunk.length > room) this.breakOff();
      return true;
    }
    if (chunk.length > room) {
      this.body.incomplete = true;
      this.decoder.end(chunk.subarray(0, Math.max(0, room)));
      return false;
    }
    if (this.decoder.write(chunk)) return true;
    if (resume !== undefined) this.decoder.once('drain', resume);
    return false;
  }

  private startDecoder(encoding: string, firstByte: number): Transform | undefined {
    return createDecoder(encoding, firstByte)
      ?.on('data', (decoded: Buffer) => {
        if (!this.settled && !this.body.push(decoded)) this.breakOff();
      })
      .on('end', () => this.breakOff())
      .on('error', () => {
        // The message itself arrived whole, or the connection would have failed: its status counts.
        this.body.incomplete = true;
        this.breakOff();
      });
  }

  /** Takes the response as it is, without reading the rest. */
  private breakOff(): void {
    if (this.settled) return;
    this.succeed();
    this.carrier?.cancel(this);
  }

  private succeed(): void {
    if (this.head === undefined) return;
    const { status, contentType, retryAfter } = this.head;
    const headers: { retryAfter?: string; contentType?: string } = {};
    if (retryAfter !== '') headers.retryAfter = plain(retryAfter);
    if (contentType !== '') headers.contentType = plain(contentType);
    this.settle({
      ok: true,
      status,
      headers,
      body: this.body.text(),
      truncated: this.body.truncated,
      durationMs: this.elapsed(),
      httpVersion: this.httpVersion,
    });
  }

  private settle(result: GuardedResult): void {
    this.settled = true;
    clearTimeout(this.timer);
    this.watch?.remove(this);
    this.decoder?.destroy();
    this.home.settled(this);
    this.resolve(result);
  }

  private elapsed(): number {
    return performance.now() - this.startedAt;
  }
}

function expire(roundTrip: RoundTrip): void {
  roundTrip.expire();
}

function plain(value: string): string {
  return value.slice(0, MAX_HEADER_LENGTH).replaceAll('\0', '');
}
