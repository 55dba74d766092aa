import type { PublicId } from '../../../core/ids';
import type { Permit } from '../limits/rate-limits';
import type { Lane } from '../rules/lane';

/** A delivery whose lease the caller holds. */
export interface LeasedDelivery {
  deliveryId: PublicId;
  tenantId: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  endpointVersion: number;
  body: string;
  /** The token of the lease. */
  lease: string;
  attempts: number;
  attemptsInRun: number;
  createdAtMs: number;
  /** The last moment, on this process's clock, at which an attempt may begin: its outcome must be recorded under the lease. */
  startBeforeMs: number;
  /** Whether it was in its endpoint's backlog when the lease was taken: the backlog's workflow knows of it. */
  fromBacklog?: boolean;
  /** Whether it goes to its endpoint's fallback URL. */
  failover?: boolean;
  /** Whether it is to be tried at the endpoint all the same, if nobody else tries that. */
  probe?: boolean;
  /** Whether those behind it at its endpoint may wait for it. */
  ordered?: boolean;
  /** Absent where nothing is to be told of it. */
  eventType?: string;
  /** What its endpoint's rate limit has given for it already. */
  permit?: Permit | undefined;
  /** Normal where absent. */
  lane?: Lane;
}

/**
 * How an attempt left its delivery. `declined`: nothing was recorded; the delivery is due again. `moved`: it waits in its
 * endpoint's backlog, with or without an attempt. `held`: a probe has failed.
 */
export type AttemptEnd =
  | { state: 'delivered' | 'dead' }
  | { state: 'retrying'; nextAttemptAt: Date | undefined }
  | { state: 'declined' }
  | { state: 'held' }
  | { state: 'moved'; attempted: boolean };
