import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { CarriedOut, Requester } from '../../approvals';
import type { StoredEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';

/** What a command that ends a review has done, within its transaction. */
export interface ReviewEnded extends CarriedOut {
  events: (StoredEvent | undefined)[];
}

/**
 * Ends a review, in the transaction of `db`. It may come long after it was asked for, so everything is checked here again.
 *
 * @throws PaymentRefusal when the subject's state does not allow it (any more)
 */
export type CarryOutReview = (
  deps: PaymentDeps,
  db: Queryable,
  command: { tenantId: PublicId; subject: PublicId; input: unknown; by: Requester },
) => Promise<ReviewEnded>;
