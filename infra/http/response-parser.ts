import { ChunkedBody } from './chunked-body';
import { protocolError } from './protocol-error';
import { type Message, messageOf } from './response-framing';
import { type HeadFields, HeadReader } from './response-head';
import type { ResponseHead } from './round-trip';

/** What a parser tells of a response; nothing of interim ones (1xx). */
export interface ResponseListener {
  onHead(head: ResponseHead): void;
  /** The piece is part of the chunk that was parsed. */
  onBody(piece: Buffer): void;
}

/**
 * Parses the responses of one HTTP/1 connection, one after the other. It gives the same result however the bytes are cut
 * into chunks. Why not Node's or undici's parser: docs/decisions/0009-outbound-connection-pool.md.
 */
export class ResponseParser {
  private readonly head = new HeadReader();
  private message: Message | undefined;
  private received = 0;
  private chunks: ChunkedBody | undefined;

  constructor(private readonly listener: ResponseListener) {}

  /** What the complete response leaves of the connection. */
  get persistent(): boolean {
    return this.message?.persistent === true;
  }

  get keepAliveMs(): number | undefined {
    return this.message?.keepAliveMs;
  }

  /** Makes ready for the response to another request. */
  reset(): void {
    this.head.reset();
    this.message = undefined;
    this.chunks = undefined;
    this.received = 0;
  }

  /**
   * @returns the offset of what follows the response, or `-1` when it goes on
   * @throws GuardedError when it cannot be taken; what has been reported of it stands
   */
  read(chunk: Buffer): number {
    let at = 0;
    while (this.message === undefined) {
      at = this.head.read(chunk, at);
      if (at === -1) return -1;
      this.headComplete(this.head.head);
    }
    return this.readBody(this.message, chunk, at);
  }

  /** Whether the end of the connection completes the response. */
  endsWithConnection(): boolean {
    return this.message?.framing.kind === 'close' || this.chunks?.ended === true;
  }

  /** Where a response that is not complete stands. */
  get place(): string {
    const framing = this.message?.framing;
    if (framing === undefined) return this.head.begun ? 'within the head of the response' : 'before the response';
    if (framing.kind === 'length') return `after ${this.received} of the ${framing.bytes} bytes of the body`;
    return framing.kind === 'chunked' ? 'before the last chunk of the body' : 'before the end of the body';
  }

  private headComplete(fields: HeadFields): void {
    if (fields.status === 101) {
      throw protocolError('the response switches to another protocol (101), which was not asked for');
    }
    if (fields.status < 200) {
      this.head.next();
      return;
    }
    const message = messageOf(fields);
    this.message = message;
    if (message.framing.kind === 'chunked') this.chunks = new ChunkedBody((piece) => this.listener.onBody(piece));
    const { status, contentType, retryAfter } = fields;
    this.listener.onHead({ status, contentType, retryAfter, contentEncoding: message.contentEncoding });
  }

  private readBody({ framing }: Message, chunk: Buffer, from: number): number {
    switch (framing.kind) {
      case 'none':
        return from;
      case 'length': {
        const piece = chunk.subarray(from, from + framing.bytes - this.received);
        this.received += piece.length;
        if (piece.length > 0) this.listener.onBody(piece);
        return this.received === framing.bytes ? from + piece.length : -1;
      }
      case 'chunked':
        return this.chunks === undefined ? -1 : this.chunks.read(chunk, from);
      case 'close':
        if (from < chunk.length) this.listener.onBody(chunk.subarray(from));
        return -1;
    }
  }
}
