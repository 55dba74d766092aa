import type { PublicId } from '../../../core/ids';

/** What became of a subscriber's pending sends. */
export interface CancelReport {
  /** Not allowed any more. */
  suppressed: number;
  /** Still put off, or put off now. */
  deferred: number;
  /** Still allowed, in their turn. */
  kept: number;
}

/** Decides anew about what a subscriber is to be sent. Nothing is: no domain sends yet. */
export async function cancelPendingSends(_subscriberId: PublicId): Promise<CancelReport> {
  return { suppressed: 0, deferred: 0, kept: 0 };
}
