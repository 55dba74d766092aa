import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { Connection, ConnectionOwner } from './connection';
import { GuardedError, isConnectionLoss } from './errors';
import type { ResponseHead, RoundTrip } from './round-trip';

/** Assumed when a receiver does not say how long it keeps an idle connection; the usual minimum is 5 s. */
const KEEP_ALIVE_MS = 4_000;
/** Subtracted from what a receiver says, to allow for latency. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/**
 * One round trip at a time over one socket, by undici's HTTP/1.1 client. It is itself the handler of its dispatches
 * (undici's older interface, which passes headers unparsed), so that a request allocates almost nothing here.
 */
export class Http1Connection implements Connection, Dispatcher.DispatchHandler {
  readonly httpVersion = '1.1';
  readonly capacity = 1;
  readonly capacityKnown = true;
  active = 0;
  idleSince = 0;
  readonly openedAt = performance.now();
  readonly retiring = false;
  private readonly client: Client;
  private roundTrip: RoundTrip | undefined;
  private handedOver = false;
  private used = false;
  private responding = false;

  /** @param socket connected and checked; undici's own connector is never used */
  constructor(
    origin: string,
    private readonly socket: Socket,
    private readonly owner: ConnectionOwner,
    maxAgeMs: number,
  ) {
    socket.once('close', () => owner.closed(this));
    this.client = new Client(origin, {
      headersTimeout: 0, // the round trip has its own deadline
      bodyTimeout: 0,
      keepAliveTimeout: Math.min(KEEP_ALIVE_MS, maxAgeMs),
      keepAliveMaxTimeout: maxAgeMs,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      maxHeaderSize: 16_384,
      connect: (_options, callback) => {
        const first = !this.handedOver;
        this.handedOver = true;
        queueMicrotask(() => {
          if (first) callback(null, socket);
          // undici found the socket closed before it wrote the request and would connect anew.
          else callback(new StaleConnectionError(), null);
        });
      },
    });
  }

  /** undici watches the idle time of a connection that has carried a request, and heeds `Keep-Alive`. */
  get maxIdleMs(): number {
    return this.used ? Number.POSITIVE_INFINITY : KEEP_ALIVE_MS;
  }

  get dead(): boolean {
    return this.socket.destroyed;
  }

  start(roundTrip: RoundTrip): void {
    this.roundTrip = roundTrip;
    this.responding = false;
    this.client.dispatch(roundTrip.request, this);
  }

  cancel(): void {
    this.roundTrip = undefined;
    this.destroy();
  }

  destroy(): void {
    this.owner.closed(this);
    this.client.destroy(null, () => {});
    this.socket.destroy();
  }

  onConnect(): void {}

  onResponseStarted(): void {
    this.responding = true;
  }

  onHeaders(status: number, headers: Buffer[]): boolean {
    if (status < 200) return true;
    this.roundTrip?.receiveHead(readHead(status, headers));
    return true;
  }

  /** Never pauses: undici 7 ends the process when a receiver closes while its parser is paused (nodejs/undici#5360). */
  onData(chunk: Buffer): boolean {
    this.roundTrip?.receiveBody(chunk);
    return true;
  }

  onComplete(): void {
    const roundTrip = this.roundTrip;
    if (roundTrip === undefined) return;
    this.roundTrip = undefined;
    this.used = true;
    this.owner.released(this);
    roundTrip.complete();
  }

  onError(error: Error): void {
    const roundTrip = this.roundTrip;
    this.roundTrip = undefined;
    // With idleSince set it was set aside: the receiver may have closed it since.
    const rested = this.used || this.idleSince > 0;
    this.destroy();
    const lost = error instanceof StaleConnectionError || isConnectionLoss(error);
    if (lost && !rested && !this.responding) this.owner.turnedAway();
    roundTrip?.fail(error, rested && lost && !this.responding);
  }
}

class StaleConnectionError extends GuardedError {
  constructor() {
    super('connection', 'the connection was closed');
  }
}

function readHead(status: number, raw: readonly Buffer[]): ResponseHead {
  const head = { status, contentType: '', retryAfter: '', contentEncoding: '' };
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index];
    const value = raw[index + 1];
    if (name === undefined || value === undefined) continue;
    // Lengths first: most headers are none of the three and need not become strings.
    if (name.length === 12) {
      if (lower(name) === 'content-type') head.contentType = value.toString('latin1');
    } else if (name.length === 11) {
      if (lower(name) === 'retry-after') head.retryAfter = value.toString('latin1');
    } else if (name.length === 16) {
      if (lower(name) === 'content-encoding') head.contentEncoding = lower(value).trim();
    }
  }
  return head;
}

function lower(bytes: Buffer): string {
  return bytes.toString('latin1').toLowerCase();
}
