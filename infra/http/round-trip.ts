import { codingOf, type DecodingEnd, decode } from './content-decoder';
import { describeError } from './errors';
import { ResponseBody } from './response-body';
import type { GuardedErrorCode, GuardedResult, HttpVersion, ReceivedAnswer } from './result';
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
  /** In lower case; several with commas between them. */
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

const NOT_DECODED = 'the body has an encoding that is not decoded';
const NOT_WHAT_IT_SAYS = 'the body is not in the encoding that Content-Encoding names';
const DAMAGED = 'the compressed body is damaged';
const CUT_OFF = 'the compressed body ends too early';
const NO_HEAD = { code: 'protocol', detail: 'the response has no head' } as const;

/** How the exchange with the receiver ended; a compressed body may still have to be decoded. */
interface Conclusion {
  failure: { code: GuardedErrorCode; detail: string } | undefined;
  durationMs: number;
}

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
  private coding = '';
  /** The body as it came, when it has a coding; `maxBytes` of it at most. */
  private encoded: Buffer[] | undefined;
  private encodedBytes = 0;
  private stopDecoding: (() => void) | undefined;
  private note: string | undefined;
  private conclusion: Conclusion | undefined;
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
    this.coding = head.contentEncoding === '' ? '' : codingOf(head.contentEncoding);
    if (this.carrier !== undefined) this.httpVersion = this.carrier.httpVersion;
  }

  /** A piece of the body. Never asks for a pause: the round trip ends when too much has come. */
  receiveBody(chunk: Buffer): void {
    if (this.conclusion !== undefined) return;
    if (this.coding === '') {
      if (!this.body.push(chunk)) this.breakOff();
      return;
    }
    const room = this.maxBytes - this.encodedBytes;
    this.encodedBytes += chunk.length;
    this.encoded ??= [];
    this.encoded.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    if (chunk.length <= room) return;
    this.body.incomplete = true;
    this.breakOff();
  }

  /** The body is whole. */
  complete(): void {
    this.carrier = undefined;
    this.conclude(undefined);
  }

  /**
   * The connection failed under it.
   *
   * @param mayResend whether the connection was used before and no byte of a response came: then the receiver most
   *   likely closed it while it was idle, and the request is sent once more. If the receiver did get it the first time,
   *   it gets it twice: delivery is at least once, and receivers detect that by the `webhook-id`.
   */
  fail(error: unknown, mayResend: boolean): void {
    if (this.conclusion !== undefined) return;
    this.carrier = undefined;
    if (mayResend && !this.resent && this.head === undefined) {
      this.resent = true;
      this.home.resend(this);
      return;
    }
    this.conclude(describeError(error));
  }

  /** From this side, also while a body is being decoded. */
  private end(code: GuardedErrorCode, detail: string): void {
    if (this.settled) return;
    this.conclusion ??= { failure: { code, detail }, durationMs: this.elapsed() };
    this.body.incomplete = true;
    this.settle();
    this.leave();
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

  /** Takes the response as it is, without reading the rest. */
  private breakOff(): void {
    this.conclude(undefined);
    this.leave();
  }

  private leave(): void {
    const { carrier } = this;
    this.carrier = undefined;
    carrier?.cancel(this);
  }

  private conclude(failure: Conclusion['failure']): void {
    if (this.conclusion !== undefined) return;
    this.conclusion = { failure, durationMs: this.elapsed() };
    if (failure !== undefined) this.body.incomplete = true;
    if (this.encoded === undefined) this.settle();
    else this.decode(Buffer.concat(this.encoded));
  }

  private decode(bytes: Buffer): void {
    const onData = (decoded: Buffer) => {
      if (!this.settled && !this.body.push(decoded)) this.settle();
    };
    const onEnd = (end: DecodingEnd) => {
      if (this.settled) return;
      if (end !== 'whole') this.undecoded(bytes, end);
      this.settle();
    };
    this.stopDecoding = decode(this.coding, bytes, onData, onEnd);
    if (this.stopDecoding !== undefined) return;
    this.note = this.keepEncoded(bytes, NOT_DECODED);
    this.settle();
  }

  /** The status counts all the same. */
  private undecoded(bytes: Buffer, end: DecodingEnd): void {
    // A body that the connection or our limit cut off is no fault of its encoding.
    const faulty = !this.body.incomplete;
    if (this.body.empty) {
      const note = this.keepEncoded(bytes, NOT_WHAT_IT_SAYS);
      if (faulty) this.note = note;
      return;
    }
    this.body.incomplete = true;
    if (faulty) this.note = end === 'cut off' ? CUT_OFF : DAMAGED;
  }

  /** Only a text: compressed bytes are of no use to anybody, and may hold what is not to be shown. */
  private keepEncoded(bytes: Buffer, fault: string): string {
    this.body.push(bytes);
    if (isText(this.body.text())) return `${fault}: it is kept as it came`;
    this.body.forget();
    return `${fault}, and is no text: it is not kept`;
  }

  private received({ status, contentType, retryAfter }: ResponseHead): ReceivedAnswer {
    const headers: ReceivedAnswer['headers'] = {};
    if (retryAfter !== '') headers.retryAfter = plain(retryAfter);
    if (contentType !== '') headers.contentType = plain(contentType);
    return { status, headers, body: this.body.text(), truncated: this.body.truncated };
  }

  private settle(): void {
    this.settled = true;
    clearTimeout(this.timer);
    this.watch?.remove(this);
    this.stopDecoding?.();
    this.home.settled(this);
    this.resolve(this.result());
  }

  private result(): GuardedResult {
    const { head, note } = this;
    const { failure, durationMs } = this.conclusion ?? { failure: undefined, durationMs: this.elapsed() };
    if (failure === undefined && head !== undefined) {
      const answer = this.received(head);
      return note === undefined
        ? { ok: true, ...answer, durationMs, httpVersion: this.httpVersion }
        : { ok: true, ...answer, note, durationMs, httpVersion: this.httpVersion };
    }
    const { code, detail } = failure ?? NO_HEAD;
    if (head === undefined) return { ok: false, code, detail, durationMs };
    return { ok: false, code, detail, answer: this.received(head), durationMs };
  }

  private elapsed(): number {
    return performance.now() - this.startedAt;
  }
}

function expire(roundTrip: RoundTrip): void {
  roundTrip.expire();
}

function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what tells bytes from text
  return !/[\x01-\x08\x0b\x0e-\x1f\ufffd]/.test(text);
}

function plain(value: string): string {
  return value.slice(0, MAX_HEADER_LENGTH).replaceAll('\0', '');
}
