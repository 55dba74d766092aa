import type { Carrier, Exchange } from './exchange';

/** An open connection to an origin, as the pool sees it. */
export interface Connection extends Carrier {
  /** Exchanges it can carry at once. */
  readonly capacity: number;
  /** Whether `capacity` is final, or the receiver has yet to say how much more it allows. */
  readonly capacityKnown: boolean;
  /** Exchanges it is carrying. Maintained by the pool. */
  active: number;
  /** `performance.now()` when it was opened. */
  readonly openedAt: number;
  /** `performance.now()` when its last exchange ended or it was set aside unused. Maintained by the pool. */
  idleSince: number;
  /** How long it may be idle, in milliseconds. */
  readonly maxIdleMs: number;
  /** Whether it takes no further exchanges; it is closed when the last one has ended. */
  readonly retiring: boolean;
  /** Whether its socket is gone. */
  readonly dead: boolean;
  start(exchange: Exchange): void;
  destroy(): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** An exchange has left the connection, with or without a result. */
  released(connection: Connection): void;
  /** The receiver has said how many exchanges it takes at once. */
  capacityChanged(): void;
  /** The receiver closed a new connection instead of answering: it may allow no more of them. */
  turnedAway(): void;
  /** The socket is gone. */
  closed(connection: Connection): void;
}
