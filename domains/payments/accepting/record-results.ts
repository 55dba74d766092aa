import { GroupCommit } from '../../../core/group-commit';
import { PermanentError } from '../../../core/permanent-error';
import { isItemFault } from '../../../infra/postgres/errors';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import type { EventOutbox, StoreEvents } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { storingEvents } from '../tell-events';

const MAX_BATCH = 100;

/** How results are recorded. */
export interface Recording<R, O> {
  tenantOf(result: R): string;
  /** Records a batch within a transaction. @returns an outcome for each, in their order */
  apply(db: Queryable, results: readonly R[], store: StoreEvents): Promise<O[]>;
}

/** Records results of first steps, many in one transaction, with the events that tell of them. */
export function createResultCommits<R, O>(
  deps: PaymentDeps,
  outbox: EventOutbox,
  { tenantOf, apply }: Recording<R, O>,
): GroupCommit<R, O> {
  return new GroupCommit<R, O>({
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    // Money has moved: it is recorded however many wait.
    maxWaiting: Number.MAX_SAFE_INTEGER,
    groupOf: tenantOf,
    isItemFault: (error) => error instanceof PermanentError || isItemFault(error),
    commit: (batch) =>
      storingEvents(deps, outbox, (store) => inTransaction(deps.pool, (db) => apply(db, batch, store))),
  });
}
