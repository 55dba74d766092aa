import type { Carrier, RoundTrip } from './round-trip';

/** An open connection to an origin, as the pool sees it. */
export interface Connection extends Carrier {
  /** Round trips it can carry at once. */
  readonly capacity: number;
  /** Whether `capacity` is final, or the receiver has yet to say how much more it allows. */
  readonly capacityKnown: boolean;
  /** Round trips it is carrying. Maintained by the pool. */
  active: number;
  /** `performance.now()` when it was opened. */
  readonly openedAt: number;
  /** `performance.now()` when its last round trip ended or it was set aside unused. Maintained by the pool. */
  idleSince: number;
  /** How long it may be idle, in milliseconds. */
  readonly maxIdleMs: number;
  /** Whether it takes no further round trips; it is closed when the last one has ended. */
  readonly retiring: boolean;
  /** Whether its socket is gone. */
  readonly dead: boolean;
  start(roundTrip: RoundTrip): void;
  destroy(): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** A round trip has left the connection, with or without a result. */
  released(connection: Connection): void;
  /** The receiver has said how many round trips it takes at once. */
  capacityChanged(): void;
  /** The receiver closed a new connection instead of answering: it may allow no more of them. */
  turnedAway(): void;
  /** The receiver takes requests over HTTP/1.1 only, though it offers HTTP/2. */
  wantsHttp1(): void;
  /** The socket is gone. */
  closed(connection: Connection): void;
}
