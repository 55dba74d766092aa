import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Connection, ConnectionOwner } from './connection';
import { type Destination, type DialOptions, dial } from './dial';
import { GuardedError } from './errors';
import { Http1Connection } from './http1-connection';
import { Http2Connection, MAX_STREAMS } from './http2-connection';
import type { Home, RoundTrip } from './round-trip';

/** What the pools of one client share. */
export interface PoolShared {
  readonly dialOptions: Omit<DialOptions, 'session' | 'http1Only'>;
  readonly socketsPerOrigin: number;
  readonly revalidateAfterMs: number;
  /** Connections without a round trip, longest idle first, over all origins. */
  readonly idle: Set<Connection>;
  readonly maxIdle: number;
  closing: boolean;
  resent: number;
  /** A pool without connections and round trips: it may be forgotten. */
  onEmpty(pool: OriginPool): void;
}

/** Longest time for resolving, connecting and the TLS handshake together, in milliseconds. */
const DIAL_LIMIT_MS = 10_000;
/** A dial that takes longer than this may never succeed: no more than one round trip counts on it. */
const SLOW_DIAL_MS = 1_000;
/** Pause after a failed attempt to open another connection while others work. */
const DIAL_PAUSE_MS = 1_000;

/**
 * The connections to one origin and the round trips that wait for one.
 *
 * Why not undici's Pool: docs/decisions/0009-outbound-connection-pool.md.
 */
export class OriginPool implements Home, ConnectionOwner {
  private readonly open = new Set<Connection>();
  /** HTTP/1.1 connections without a round trip, most recently used on top, so that the others age and are closed. */
  private readonly resting: Connection[] = [];
  private readonly multiplexed = new Set<Connection>();
  /** Connections being opened, with the time when that began. */
  private readonly dials = new Map<AbortController, number>();
  private readonly waiting = new Set<RoundTrip>();
  /** Round trips that failed on a reused connection, with the time: only one opened since then will do. */
  private readonly waitingForNew = new Map<RoundTrip, number>();
  private outstanding = 0;
  private multiplexes: boolean | undefined;
  /** Whether the receiver has asked for HTTP/1.1; forgotten with the pool. */
  private http1Only = false;
  private noDialBefore = 0;
  private draining = false;
  private session: Buffer | undefined;

  constructor(
    readonly origin: string,
    private readonly destination: Destination,
    private readonly shared: PoolShared,
  ) {
    if (!destination.secure) this.multiplexes = false;
  }

  get sockets(): number {
    return this.open.size;
  }

  get dialling(): number {
    return this.dials.size;
  }

  get queued(): number {
    return this.waiting.size + this.waitingForNew.size;
  }

  get inFlight(): number {
    return this.outstanding;
  }

  submit(roundTrip: RoundTrip): void {
    this.outstanding++;
    const connection = this.pick();
    if (connection !== undefined) {
      this.assign(connection, roundTrip);
      return;
    }
    this.waiting.add(roundTrip);
    this.dialIfNeeded();
  }

  resend(roundTrip: RoundTrip): void {
    this.shared.resent++;
    this.waitingForNew.set(roundTrip, performance.now());
    this.dialIfNeeded();
  }

  settled(roundTrip: RoundTrip): void {
    this.outstanding--;
    const waited = this.waiting.delete(roundTrip) || this.waitingForNew.delete(roundTrip);
    if (waited && this.queued === 0) this.stopDialling();
    if (this.outstanding === 0) this.forgetIfEmpty();
  }

  released(connection: Connection): void {
    connection.active--;
    if (connection.active === 0) this.rest(connection);
    if (this.queued > 0) this.drainSoon();
  }

  capacityChanged(): void {
    if (this.queued > 0) this.drainSoon();
  }

  turnedAway(): void {
    this.noDialBefore = performance.now() + DIAL_PAUSE_MS;
  }

  wantsHttp1(): void {
    this.http1Only = true;
    this.multiplexes = false;
    // A session of TLS resumed over another protocol is refused by some servers.
    this.session = undefined;
  }

  closed(connection: Connection): void {
    if (!this.open.delete(connection)) return;
    this.multiplexed.delete(connection);
    this.shared.idle.delete(connection);
    const position = this.resting.indexOf(connection);
    if (position !== -1) this.resting.splice(position, 1);
    if (this.queued > 0) this.drainSoon();
    this.forgetIfEmpty();
  }

  /** Closes connections that have been idle too long, are too old, or have nothing left to do. */
  sweep(now: number): void {
    for (const connection of this.open) {
      if (connection.active > 0) continue;
      if (now - connection.idleSince > connection.maxIdleMs || !this.isUsable(connection, now)) connection.destroy();
    }
    // Nothing else may resume dialling after a pause, or notice that a dial is slow.
    if (this.queued > 0) this.dialIfNeeded();
  }

  /** Closes idle connections; those in use are closed as they become idle. */
  shut(): void {
    for (const connection of this.open) if (connection.active === 0) connection.destroy();
    if (this.queued === 0) this.stopDialling();
    this.forgetIfEmpty();
  }

  private pick(): Connection | undefined {
    const now = performance.now();
    for (let connection = this.resting.pop(); connection !== undefined; connection = this.resting.pop()) {
      const rested = now - connection.idleSince;
      if (rested <= connection.maxIdleMs && this.isUsable(connection, now)) return connection;
      connection.destroy();
    }
    return this.pickMultiplexed(0);
  }

  private pickMultiplexed(openedSince: number): Connection | undefined {
    const now = performance.now();
    for (const connection of this.multiplexed) {
      const fits = connection.active < connection.capacity && connection.openedAt >= openedSince;
      if (fits && this.isUsable(connection, now)) return connection;
    }
    return undefined;
  }

  private isUsable(connection: Connection, now: number): boolean {
    const fresh = now - connection.openedAt < this.shared.revalidateAfterMs;
    return fresh && !connection.retiring && !connection.dead;
  }

  private assign(connection: Connection, roundTrip: RoundTrip): void {
    if (connection.active === 0) this.shared.idle.delete(connection);
    connection.active++;
    roundTrip.carrier = connection;
    connection.start(roundTrip);
  }

  private rest(connection: Connection): void {
    if (!this.open.has(connection)) return;
    connection.idleSince = performance.now();
    const wanted = !this.shared.closing || this.queued > 0;
    if (!wanted || !this.isUsable(connection, connection.idleSince)) {
      connection.destroy();
      return;
    }
    if (!this.multiplexed.has(connection)) this.resting.push(connection);
    this.shared.idle.add(connection);
    if (this.shared.idle.size <= this.shared.maxIdle) return;
    const [longest] = this.shared.idle;
    longest?.destroy();
  }

  /** Not at once: several connections may become free together, and a closing one is not closed yet. */
  private drainSoon(): void {
    if (this.draining) return;
    this.draining = true;
    queueMicrotask(() => {
      this.draining = false;
      for (const [roundTrip, since] of this.waitingForNew) {
        const connection = this.pickMultiplexed(since);
        if (connection === undefined) break;
        this.waitingForNew.delete(roundTrip);
        this.assign(connection, roundTrip);
      }
      while (this.waiting.size > 0) {
        const connection = this.pick();
        if (connection === undefined) break;
        const [roundTrip] = this.waiting;
        if (roundTrip === undefined) break;
        this.waiting.delete(roundTrip);
        this.assign(connection, roundTrip);
      }
      this.dialIfNeeded();
    });
  }

  private dialIfNeeded(): void {
    if (this.waitingForNew.size > 0 && this.isFull()) this.closeOneIdle();
    while (this.queued > this.expected() && !this.isFull()) {
      if (this.open.size > 0 && performance.now() < this.noDialBefore) return;
      this.openConnection();
    }
  }

  private closeOneIdle(): void {
    for (const connection of this.open) {
      if (connection.active > 0) continue;
      connection.destroy();
      return;
    }
  }

  private isFull(): boolean {
    return this.open.size + this.dials.size >= this.shared.socketsPerOrigin;
  }

  /**
   * How many round trips the connections being opened will carry; no limit before the origin's protocol is known, unless
   * they take long.
   */
  private expected(): number {
    const now = performance.now();
    let expected = 0;
    for (const beganAt of this.dials.values()) expected += now - beganAt > SLOW_DIAL_MS ? 1 : this.carriedByOne();
    for (const connection of this.multiplexed) {
      if (!connection.capacityKnown && !connection.retiring) expected += MAX_STREAMS - connection.active;
    }
    return expected;
  }

  private carriedByOne(): number {
    if (this.multiplexes === undefined) return Number.POSITIVE_INFINITY;
    return this.multiplexes ? MAX_STREAMS : 1;
  }

  private openConnection(): void {
    const controller = new AbortController();
    this.dials.set(controller, performance.now());
    const timer = setTimeout(() => {
      controller.abort(new GuardedError('timeout', `no connection within ${DIAL_LIMIT_MS / 1_000} s`));
    }, DIAL_LIMIT_MS);
    const options = { ...this.shared.dialOptions, session: this.session, http1Only: this.http1Only };
    const isWanted = () => {
      clearTimeout(timer);
      return this.dials.delete(controller);
    };
    dial(this.destination, options, controller.signal).then(
      (socket) => {
        if (isWanted()) this.admit(socket);
        else socket.destroy();
      },
      (error: unknown) => {
        if (isWanted()) this.dialFailed(error);
      },
    );
  }

  private admit(socket: Socket): void {
    if (socket.destroyed) {
      this.dialFailed(new GuardedError('connection', 'the connection was closed'));
      return;
    }
    if (this.http1Only && speaksHttp2(socket)) {
      // Dialled before the receiver asked for the other protocol.
      socket.destroy();
      this.dialIfNeeded();
      return;
    }
    const connection = this.connectionOver(socket);
    this.open.add(connection);
    if (this.multiplexes === true) this.multiplexed.add(connection);
    for (const queue of [this.waitingForNew, this.waiting]) {
      for (const roundTrip of queue.keys()) {
        if (connection.active >= connection.capacity || connection.dead) break;
        queue.delete(roundTrip);
        this.assign(connection, roundTrip);
      }
    }
    if (connection.active === 0) this.rest(connection);
    this.dialIfNeeded();
  }

  private connectionOver(socket: Socket): Connection {
    this.multiplexes = speaksHttp2(socket);
    if (socket instanceof TLSSocket) {
      socket.on('session', (session: Buffer) => {
        this.session = session;
      });
    }
    return this.multiplexes
      ? new Http2Connection(this.origin, socket, this)
      : new Http1Connection(this.origin, socket, this);
  }

  private dialFailed(error: unknown): void {
    if (this.open.size > 0) {
      // Other connections work: do not keep dialling a receiver that limits their number.
      this.turnedAway();
      for (const roundTrip of this.waitingForNew.keys()) roundTrip.fail(error, false);
      return;
    }
    let failed = 0;
    for (const queue of [this.waitingForNew, this.waiting]) {
      for (const roundTrip of queue.keys()) {
        if (failed++ >= this.carriedByOne()) break;
        roundTrip.fail(error, false);
      }
    }
    this.dialIfNeeded();
    this.forgetIfEmpty();
  }

  private stopDialling(): void {
    for (const controller of this.dials.keys()) controller.abort(new GuardedError('aborted', 'no longer wanted'));
    this.dials.clear();
  }

  private forgetIfEmpty(): void {
    if (this.outstanding === 0 && this.open.size === 0 && this.dials.size === 0) this.shared.onEmpty(this);
  }
}

function speaksHttp2(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.alpnProtocol === 'h2';
}
