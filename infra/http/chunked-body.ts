import { protocolError } from './protocol-error';
import { MAX_HEAD_BYTES } from './response-head';

/** What is read next. */
type State = 'size' | 'space' | 'extension' | 'size-end' | 'data' | 'data-end' | 'data-line-feed' | 'trailer' | 'done';

const MAX_SIZE_DIGITS = 12;
/** Bytes of chunk extensions in a whole body: a receiver must not have us read megabytes that are no body. */
const MAX_EXTENSION_BYTES = 16_384;

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const SEMICOLON = 0x3b;

/** Takes a body out of its chunks. Extensions and trailers are passed over; line ends may lack their carriage return. */
export class ChunkedBody {
  private state: State = 'size';
  private digits = 0;
  private size = 0;
  private extensionBytes = 0;
  private trailerBytes = 0;
  private lineBytes = 0;

  constructor(private readonly onData: (piece: Buffer) => void) {}

  /** Whether the chunk that ends the body has come, if not the line behind it. */
  get ended(): boolean {
    return this.state === 'trailer' || this.state === 'done';
  }

  /**
   * @returns the offset of what follows the body, or `-1` when it goes on
   * @throws GuardedError when it is no chunk
   */
  read(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.state === 'data') {
        const piece = chunk.subarray(at, at + this.size);
        at += piece.length;
        this.size -= piece.length;
        if (this.size === 0) this.state = 'data-end';
        this.onData(piece);
        continue;
      }
      this.step(chunk[at++] ?? 0);
      if (this.state === 'done') return at;
    }
    return -1;
  }

  private step(byte: number): void {
    switch (this.state) {
      case 'size':
        this.readSize(byte);
        break;
      case 'space':
      case 'extension':
        this.passOver(byte);
        break;
      case 'size-end':
        if (byte !== LF) throw protocolError('the size of a chunk of the body does not end with its line');
        this.begin();
        break;
      case 'data-end':
        if (byte !== CR && byte !== LF) throw longer();
        this.state = byte === CR ? 'data-line-feed' : 'size';
        break;
      case 'data-line-feed':
        if (byte !== LF) throw longer();
        this.state = 'size';
        break;
      case 'trailer':
        this.readTrailer(byte);
        break;
      case 'data':
      case 'done':
        break;
    }
  }

  private readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit === -1) {
      if (this.lineBytes === 0) throw noSize();
      this.state = 'space';
      this.passOver(byte);
      return;
    }
    this.lineBytes++;
    this.size = this.size * 16 + digit;
    // Leading zeros are no digits of the size, but bounded like an extension.
    if (this.size === 0) this.countExtension();
    else if (++this.digits > MAX_SIZE_DIGITS) {
      throw protocolError('a chunk of the body says that it is larger than any can be');
    }
  }

  /** Behind the digits of a size. */
  private passOver(byte: number): void {
    if (byte === LF) {
      this.begin();
    } else if (byte === CR) {
      this.state = 'size-end';
    } else {
      this.countExtension();
      if (byte === SEMICOLON) this.state = 'extension';
      else if (this.state === 'space' && byte !== SPACE && byte !== TAB) throw noSize();
    }
  }

  private countExtension(): void {
    if (++this.extensionBytes > MAX_EXTENSION_BYTES)
      throw protocolError('the chunk extensions of the body are too large');
  }

  /** Behind the line with the size. */
  private begin(): void {
    this.state = this.size === 0 ? 'trailer' : 'data';
    this.digits = 0;
    this.lineBytes = 0;
  }

  private readTrailer(byte: number): void {
    if (++this.trailerBytes > MAX_HEAD_BYTES)
      throw protocolError('the trailers of the response are larger than 64 KiB');
    if (byte === LF) {
      if (this.lineBytes === 0) this.state = 'done';
      this.lineBytes = 0;
    } else if (byte !== CR) {
      this.lineBytes++;
    }
  }
}

function noSize(): Error {
  return protocolError('a chunk of the body does not begin with its size');
}

function longer(): Error {
  return protocolError('a chunk of the body is longer than it says');
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
