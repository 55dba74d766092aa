import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection, ConnectionOwner } from './connection';
import { isConnectionLoss } from './errors';
import type { ResponseHead, RoundTrip } from './round-trip';

/** Streams at once on one connection, unless the receiver allows fewer. */
export const MAX_STREAMS = 100;
const MAX_IDLE_MS = 30_000;
/** Statuses whose answers have no body (RFC 9110). */
const BODILESS = new Set([204, 304]);

/**
 * Round trips side by side as streams of one HTTP/2 session. Uses `node:http2`, not undici's HTTP/2 client: that one
 * resends requests by itself when a session ends, never closes an idle session, and lets errors of `session.request`
 * escape into the event loop.
 */
export class Http2Connection implements Connection {
  readonly httpVersion = '2';
  /** One until the receiver's settings arrive, right after the handshake: it refuses streams beyond its limit. */
  capacity = 1;
  capacityKnown = false;
  active = 0;
  idleSince = 0;
  readonly maxIdleMs = MAX_IDLE_MS;
  readonly openedAt = performance.now();
  retiring = false;
  private readonly session: ClientHttp2Session;
  private readonly streams = new Map<RoundTrip, ClientHttp2Stream>();
  private readonly authority: string;
  private failure: Error | undefined;
  private used = false;
  /** The last stream that the receiver says it may have looked at, once it is going away. */
  private lastStream = Number.POSITIVE_INFINITY;

  /** @param socket connected and checked, with `h2` negotiated */
  constructor(
    origin: string,
    private readonly socket: Socket,
    private readonly owner: ConnectionOwner,
  ) {
    this.authority = origin.slice('https://'.length);
    this.session = connect(origin, { createConnection: () => socket, settings: { enablePush: false } });
    this.session.on('error', (error) => {
      this.failure = error;
    });
    this.session.on('remoteSettings', (settings) => {
      this.capacity = Math.min(MAX_STREAMS, settings.maxConcurrentStreams ?? MAX_STREAMS);
      this.capacityKnown = true;
      owner.capacityChanged();
    });
    this.session.on('goaway', (code, lastStream) => {
      this.retiring = true;
      this.lastStream = lastStream;
      if (code === constants.NGHTTP2_HTTP_1_1_REQUIRED) owner.wantsHttp1();
    });
    this.session.once('close', () => owner.closed(this));
  }

  get dead(): boolean {
    return this.session.closed || this.session.destroyed || this.socket.destroyed;
  }

  start(roundTrip: RoundTrip): void {
    let stream: ClientHttp2Stream;
    try {
      stream = this.session.request(this.headersFor(roundTrip), { endStream: roundTrip.request.body === '' });
    } catch (error) {
      // The session ended at this very moment: nothing was sent.
      this.retiring = true;
      this.owner.released(this);
      roundTrip.fail(error, true);
      return;
    }
    this.session.ref();
    this.streams.set(roundTrip, stream);
    this.listen(roundTrip, stream);
    if (roundTrip.request.body !== '') stream.end(roundTrip.request.body);
  }

  /** Resets the stream. A receiver that lets one stream time out may have stopped answering altogether. */
  cancel(roundTrip: RoundTrip): void {
    this.retiring = true;
    const stream = this.streams.get(roundTrip);
    stream?.close(constants.NGHTTP2_CANCEL);
    stream?.destroy();
  }

  destroy(): void {
    this.owner.closed(this);
    this.session.destroy();
    this.socket.destroy();
  }

  private listen(roundTrip: RoundTrip, stream: ClientHttp2Stream): void {
    let responding = false;
    let failure: Error | undefined;
    stream.once('response', (headers) => {
      responding = true;
      const head = readHead(headers);
      roundTrip.receiveHead(head);
      if (!BODILESS.has(head.status)) return;
      // Complete with its head: what a receiver sends behind it all the same, nghttp2 takes for an error of the stream.
      this.used = true;
      roundTrip.complete();
      if (!stream.endAfterHeaders) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('data', (chunk: Buffer) => roundTrip.receiveBody(chunk));
    stream.once('end', () => {
      if (!responding || stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
      this.used = true;
      roundTrip.complete();
      // A receiver may answer without reading the whole request; the rest is not worth sending.
      if (!stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('error', (error) => {
      failure = error;
    });
    stream.once('close', () => {
      this.streams.delete(roundTrip);
      if (this.streams.size === 0) this.session.unref();
      const rested = this.used || this.idleSince > 0;
      this.owner.released(this);
      if (roundTrip.carrier !== this) return;
      const { rstCode, id = 0 } = stream;
      // An answer whose head nghttp2 refuses, such as a 204 with a length, is lost with its status. Over HTTP/1.1 it is read,
      // and without that it would be a failure each time. The receiver gets the request twice, as by any later attempt.
      const unreadable = !responding && rstCode === constants.NGHTTP2_PROTOCOL_ERROR;
      const wantsHttp1 = rstCode === constants.NGHTTP2_HTTP_1_1_REQUIRED || unreadable;
      if (wantsHttp1) {
        this.retiring = true;
        this.owner.wantsHttp1();
      }
      // In all but the unreadable case the receiver says that it has done nothing with the request.
      const refused = wantsHttp1 || rstCode === constants.NGHTTP2_REFUSED_STREAM || id > this.lastStream;
      const error = failure ?? this.failure ?? Object.assign(new Error('stream closed'), { code: 'ECONNRESET' });
      const lost = isConnectionLoss(error) || (this.socket.destroyed && rstCode !== constants.NGHTTP2_PROTOCOL_ERROR);
      roundTrip.fail(error, !responding && (refused || (rested && lost)));
    });
  }

  private headersFor({ request }: RoundTrip): Record<string, string> {
    const headers: Record<string, string> = {
      ':method': request.method,
      ':path': request.path,
      ':scheme': 'https',
      ':authority': this.authority,
    };
    for (let index = 0; index + 1 < request.headers.length; index += 2) {
      headers[request.headers[index] ?? ''] = request.headers[index + 1] ?? '';
    }
    if (request.method === 'POST') headers['content-length'] = String(Buffer.byteLength(request.body));
    return headers;
  }
}

function readHead(headers: IncomingHttpHeaders & { ':status'?: number }): ResponseHead {
  return {
    status: headers[':status'] ?? 0,
    contentType: headers['content-type'] ?? '',
    retryAfter: headers['retry-after'] ?? '',
    contentEncoding: (headers['content-encoding'] ?? '').toLowerCase().trim(),
  };
}
