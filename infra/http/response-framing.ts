import { protocolError } from './protocol-error';
import type { HeadFields } from './response-head';

/** Where a body ends: it has none, a number of bytes, its last chunk, or the end of the connection. */
export type Framing = { kind: 'none' } | { kind: 'length'; bytes: number } | { kind: 'chunked' } | { kind: 'close' };

/** What a head says about the body and the connection. */
export interface Message {
  framing: Framing;
  /** Lower case, outermost last, with what `Transfer-Encoding` names besides `chunked`. */
  contentEncoding: string;
  /** Whether the receiver keeps the connection, and its framing is beyond doubt. */
  persistent: boolean;
  /** How long it keeps an idle connection, in milliseconds, if it says so. */
  keepAliveMs: number | undefined;
}

const NONE: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const CLOSE: Framing = { kind: 'close' };

/** @throws GuardedError where readers would disagree on the body's end */
export function messageOf(head: HeadFields): Message {
  const { contentLength, transferEncoding, keepAlive } = head;
  const persistent = !head.odd && isPersistent(head);
  const keepAliveMs = keepAlive === undefined ? undefined : keepAliveIn(keepAlive);
  let contentEncoding = head.contentEncoding === '' ? '' : head.contentEncoding.toLowerCase();

  // These have no body whatever their headers say. If one comes all the same, it is not read: the connection is closed.
  if (head.status === 204 || head.status === 304) {
    const bare = transferEncoding === undefined && (contentLength === undefined || contentLength === '0');
    return { framing: NONE, contentEncoding, persistent: persistent && bare, keepAliveMs };
  }
  if (transferEncoding === undefined) {
    const framing: Framing = contentLength === undefined ? CLOSE : { kind: 'length', bytes: lengthOf(contentLength) };
    return { framing, contentEncoding, persistent: persistent && framing !== CLOSE, keepAliveMs };
  }

  const codings = listOf(transferEncoding).filter((coding) => coding !== 'identity');
  if (codings.length === 0) return messageOf({ ...head, transferEncoding: undefined });
  if (contentLength !== undefined) throw protocolError('the response has both Content-Length and Transfer-Encoding');
  const chunked = codings.indexOf('chunked');
  if (chunked !== -1 && chunked !== codings.length - 1) {
    throw protocolError('the Transfer-Encoding of the response does not end with its only "chunked"');
  }
  const others = chunked === -1 ? codings : codings.slice(0, -1);
  contentEncoding = [...listOf(contentEncoding), ...others].join(', ');
  if (chunked === -1) return { framing: CLOSE, contentEncoding, persistent: false, keepAliveMs };
  // HTTP/1.0 knows no chunks: what sends them all the same is not trusted with the connection.
  return { framing: CHUNKED, contentEncoding, persistent: persistent && head.minor !== 0, keepAliveMs };
}

/** One number, however often it is given. Larger ones than JavaScript's integers only have to be large. */
function lengthOf(value: string): number {
  if (DIGITS.test(value)) return Number(value);
  const [first = '', ...others] = value.split(',').map((length) => length.trim());
  for (const length of [first, ...others]) {
    if (!DIGITS.test(length)) throw protocolError('the Content-Length of the response is not a number');
  }
  if (others.some((length) => length !== first)) {
    throw protocolError('the response has Content-Length more than once, with different values');
  }
  return Number(first);
}

const DIGITS = /^\d+$/;

function isPersistent({ minor, connection }: HeadFields): boolean {
  if (minor === undefined) return false;
  if (connection === undefined) return minor > 0;
  const options = listOf(connection);
  if (options.includes('close')) return false;
  return minor > 0 || options.includes('keep-alive');
}

function keepAliveIn(value: string): number | undefined {
  const seconds = /(?:^|[\s,;])timeout="?(\d{1,9})/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** The members of a comma-separated header in lower case. */
export function listOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
