import type { PublicId } from '../../../core/ids';

/** A delivery whose lease the caller holds. */
export interface LeasedDelivery {
  deliveryId: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  endpointVersion: number;
  body: string;
  /** The token of the lease. */
  lease: string;
  attempts: number;
  attemptsInRun: number;
  createdAtMs: number;
  /** When the lease began, on this process's clock. */
  leasedAtMs: number;
}

/** How an attempt left its delivery. `declined`: nothing was recorded; the delivery is due again. */
export type AttemptEnd =
  | { state: 'delivered' | 'dead' }
  | { state: 'retrying'; nextAttemptAt: Date | undefined }
  | { state: 'declined' };
