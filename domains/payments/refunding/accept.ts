import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import { isItemFault, sqlState } from '../../../infra/postgres/errors';
import { inTransaction } from '../../../infra/postgres/pool';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import type { FirstStep } from '../store/accept-payments';
import { acceptRefunds, type NamedRequest, type RefundOfPayment, type RefundRequest } from './accept-refunds';

const MAX_BATCH = 100;
const MAX_WAITING = 5_000;

/** A request whose key another process takes at the same moment is looked at again, so often at most. */
const MAX_LOOKS = 5;

const UNIQUE_VIOLATION = '23505';

/** Stores refunds before anything is done for them, many in one transaction. */
export interface RefundAcceptor {
  /**
   * @param identify - the new refund's id and workflow, asked once per try
   * @throws PaymentRefusal when the payment's state or what is left of it does not allow it, or the key was used for another
   */
  accept(request: RefundRequest, identify: () => { id: PublicId; workflowId: string }): Promise<RefundOfPayment>;
  drain(): Promise<void>;
}

export function createRefundAcceptor({ pool }: PaymentDeps, firstStep: FirstStep): RefundAcceptor {
  const commits = new GroupCommit<NamedRequest, RefundOfPayment | PaymentRefusal>({
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    maxWaiting: MAX_WAITING,
    groupOf: ({ tenantId }) => tenantId,
    isItemFault,
    commit: (requests) => inTransaction(pool, (db) => acceptRefunds(db, requests, firstStep)),
  });

  return {
    drain: () => commits.drain(),
    async accept(request, identify) {
      for (let look = 1; ; look++) {
        try {
          const accepted = await commits.add({ ...request, ...identify() });
          if (accepted instanceof PaymentRefusal) throw accepted;
          return accepted;
        } catch (error) {
          if (sqlState(error) !== UNIQUE_VIOLATION || look === MAX_LOOKS) throw error;
        }
      }
    },
  };
}
