import { protocolError } from './protocol-error';

/** Bytes of a head, with the interim responses (1xx) before it; trailers are bounded likewise. */
export const MAX_HEAD_BYTES = 65_536;
const MAX_LINES = 1_000;
/** How much is made a string at a time: a usual head is shorter, and a body that follows is not to be converted. */
const WINDOW = 1_024;
const SPACE = 0x20;
const TAB = 0x09;

/** A head as it came: values that several lines give are joined by commas; `undefined` when absent. */
export interface HeadFields {
  status: number;
  /** Minor version of HTTP/1; undefined for any other version. */
  minor: number | undefined;
  contentType: string;
  retryAfter: string;
  contentEncoding: string;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  keepAlive: string | undefined;
  /** Whether a line of it was no header field, and passed over. */
  odd: boolean;
}

/**
 * Reads the lines of a response head. Takes what receivers send in fact: bare line feeds, no reason phrase, lines that
 * are no header; refuses what two readers may understand differently.
 */
export class HeadReader {
  private fields = emptyFields();
  private pending = '';
  private bytes = 0;
  private lines = 0;

  /** The head that is complete. */
  get head(): HeadFields {
    return this.fields;
  }

  /** Whether anything of a head has been read. */
  get begun(): boolean {
    return this.bytes > 0 || this.pending !== '';
  }

  /** Makes ready for the response to another request. */
  reset(): void {
    this.bytes = 0;
    this.lines = 0;
    this.next();
  }

  /** Makes ready for the head that follows an interim one; the bounds count on. */
  next(): void {
    this.fields = emptyFields();
    this.pending = '';
  }

  /**
   * @returns the offset of what follows the head, or `-1` when the chunk ends within it
   * @throws GuardedError when it cannot be taken
   */
  read(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += WINDOW) {
      const window = chunk.toString('latin1', at, Math.min(at + WINDOW, chunk.length));
      const before = this.pending.length;
      const text = before === 0 ? window : this.pending + window;
      let start = 0;
      for (let end = text.indexOf('\n', before); end !== -1; end = text.indexOf('\n', start)) {
        const complete = this.line(text, start, end);
        start = end + 1;
        if (complete) return at + start - before;
      }
      this.pending = start === 0 ? text : text.slice(start);
      if (this.fields.status === 0 && this.pending !== '') checkBeginning(this.pending);
      checkSize(this.bytes + this.pending.length);
    }
    return -1;
  }

  /** @returns whether it was the empty line that ends the head */
  private line(text: string, start: number, lineFeed: number): boolean {
    const end = lineFeed > start && text.charCodeAt(lineFeed - 1) === 0x0d ? lineFeed - 1 : lineFeed;
    const line = text.slice(start, end);
    if (this.fields.status === 0 && line !== '') checkBeginning(line);
    this.bytes += lineFeed + 1 - start;
    checkSize(this.bytes);
    // Some servers send an empty line too many before a response.
    if (line === '') return this.fields.status !== 0;
    if (this.fields.status === 0) {
      checkCharacters(line);
      readStatusLine(line, this.fields);
      return false;
    }
    checkCharacters(line);
    if (++this.lines > MAX_LINES) throw protocolError(`the response head has more than ${MAX_LINES} lines`);
    readField(line, this.fields);
    return false;
  }
}

function emptyFields(): HeadFields {
  return {
    status: 0,
    minor: undefined,
    contentType: '',
    retryAfter: '',
    contentEncoding: '',
    contentLength: undefined,
    transferEncoding: undefined,
    connection: undefined,
    keepAlive: undefined,
    odd: false,
  };
}

/** Judges by the first bytes, so that a receiver which speaks something else is not waited for. */
function checkBeginning(line: string): void {
  const first = line.slice(0, 5);
  if ('HTTP/'.startsWith(first) || first === '\r') return;
  if (line.startsWith('\x15') || line.startsWith('\x16')) {
    throw protocolError('the receiver speaks TLS there: its URL has to begin with https');
  }
  throw protocolError('the response does not begin with "HTTP/"');
}

function checkSize(bytes: number): void {
  if (bytes > MAX_HEAD_BYTES) throw protocolError('the response head is larger than 64 KiB');
}

function checkCharacters(line: string): void {
  if (line.includes('\0')) throw protocolError('a line of the response head has a NUL character');
  if (line.includes('\r')) throw protocolError('a line of the response head has a carriage return in the middle');
}

const STATUS_LINE = /^HTTP\/(?:1\.(\d)|2(?:\.0)?|3(?:\.0)?) +([1-9]\d\d)(?: |$)/;

function readStatusLine(line: string, fields: HeadFields): void {
  const match = STATUS_LINE.exec(line);
  if (match === null) throw protocolError('the status line of the response is not valid');
  fields.minor = match[1] === undefined ? undefined : Number(match[1]);
  fields.status = Number(match[2]);
}

function readField(line: string, fields: HeadFields): void {
  const first = line.charCodeAt(0);
  if (first === SPACE || first === TAB) throw protocolError('a response header goes on in a second line');
  const colon = line.indexOf(':');
  if (colon <= 0) {
    fields.odd = true;
    return;
  }
  const last = line.charCodeAt(colon - 1);
  if (last === SPACE || last === TAB) {
    refuseFraming(line.slice(0, colon).trimEnd());
    fields.odd = true;
    return;
  }
  // Lengths first: most headers are none of these and need not become strings of their own.
  switch (colon) {
    case 10:
      switch (nameIn(line, colon)) {
        case 'connection':
          fields.connection = joined(fields.connection, valueIn(line, colon));
          break;
        case 'keep-alive':
          fields.keepAlive = joined(fields.keepAlive, valueIn(line, colon));
          break;
      }
      break;
    case 11:
      // Of several the first counts, as over HTTP/2, where Node drops the others.
      if (fields.retryAfter === '' && nameIn(line, colon) === 'retry-after') fields.retryAfter = valueIn(line, colon);
      break;
    case 12:
      if (fields.contentType === '' && nameIn(line, colon) === 'content-type') {
        fields.contentType = valueIn(line, colon);
      }
      break;
    case 14:
      if (nameIn(line, colon) === 'content-length') {
        fields.contentLength = joined(fields.contentLength, valueIn(line, colon));
      }
      break;
    case 16:
      if (nameIn(line, colon) === 'content-encoding') {
        fields.contentEncoding = joined(fields.contentEncoding || undefined, valueIn(line, colon));
      }
      break;
    case 17:
      if (nameIn(line, colon) === 'transfer-encoding') {
        fields.transferEncoding = joined(fields.transferEncoding, valueIn(line, colon));
      }
      break;
  }
}

/** Readers disagree on such a name, and so on where the body ends. */
function refuseFraming(name: string): void {
  const lower = name.toLowerCase();
  const framing =
    lower === 'content-length' ? 'Content-Length' : lower === 'transfer-encoding' ? 'Transfer-Encoding' : undefined;
  if (framing !== undefined) throw protocolError(`the response has a space between ${framing} and its colon`);
}

function nameIn(line: string, colon: number): string {
  return line.slice(0, colon).toLowerCase();
}

function valueIn(line: string, colon: number): string {
  return line.slice(colon + 1).trim();
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}
