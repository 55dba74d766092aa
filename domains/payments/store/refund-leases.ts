import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { REFUND_UNDER_WAY } from '../rules/refund-states';
import { OWN_WORKFLOW, REFUND_COLUMNS, type Refund, type RefundRow, refundFromRow } from './refunds';

// Literals: the planner does not see that a parameter is within the partial index.
const UNDER_WAY = REFUND_UNDER_WAY.map((state) => `'${state}'`).join(', ');

/** A lease: who has it, a UUID, and for how long. */
export interface RefundLease {
  claim: string;
  leaseMs: number;
}

/**
 * Takes the lease of a pending refund.
 *
 * @returns undefined when it is not pending, or somebody else holds the lease. Index: refunds_pkey
 */
export async function takeRefund(
  db: Queryable,
  id: PublicId,
  { claim, leaseMs }: RefundLease,
): Promise<Refund | undefined> {
  return one(db, {
    name: 'take-refund',
    text: `UPDATE refunds SET claim = $2, next_step_at = now() + $3 * interval '1 millisecond'
           WHERE id = $1 AND state IN (${UNDER_WAY}) AND (claim IS NULL OR claim = $2 OR next_step_at <= now())
           RETURNING ${REFUND_COLUMNS}`,
    values: [toUuid(id), claim, leaseMs],
  });
}

/**
 * Gives up the lease of a pending refund whose next step is due after `dueInMs`: from then on the sweep looks. Index:
 * refunds_pkey
 *
 * @param options - `ownWorkflow`: it leaves the workflow that it shares for one of its own
 */
export async function releaseRefund(
  db: Queryable,
  id: PublicId,
  { claim, dueInMs, ownWorkflow = false }: { claim: string; dueInMs: number; ownWorkflow?: boolean },
): Promise<void> {
  await db.query({
    name: 'release-refund',
    text: `UPDATE refunds SET claim = NULL, next_step_at = now() + $3 * interval '1 millisecond',
                  workflow_id = CASE WHEN $4 THEN ${OWN_WORKFLOW} ELSE workflow_id END
           WHERE id = $1 AND claim = $2 AND state IN (${UNDER_WAY})`,
    values: [toUuid(id), claim, dueInMs, ownWorkflow],
  });
}

/**
 * Notes, before the provider is called, that it is, and lets the lease last `leaseMs` from now. To be committed before the
 * call.
 *
 * @param keyWindowMs - how long after a call the provider knows its key; `undefined` is returned once that is over and an
 *   earlier call may have moved money, as well as when the lease is lost
 */
export async function markRefundCall(
  db: Queryable,
  id: PublicId,
  { claim, leaseMs, keyWindowMs }: RefundLease & { keyWindowMs: number },
): Promise<Refund | undefined> {
  return one(db, {
    name: 'mark-refund-call',
    text: `UPDATE refunds
           SET calls = calls + 1, next_step_at = now() + $3 * interval '1 millisecond',
               first_called_at = CASE WHEN calls = refused_calls THEN now() ELSE first_called_at END
           WHERE id = $1 AND claim = $2 AND state IN (${UNDER_WAY})
             AND (calls = refused_calls OR first_called_at > now() - $4 * interval '1 millisecond')
           RETURNING ${REFUND_COLUMNS}`,
    values: [toUuid(id), claim, leaseMs, keyWindowMs],
  });
}

/** Notes that the provider refused a call for good. @returns the refund after it */
export async function markRefusedCall(db: Queryable, id: PublicId): Promise<Refund | undefined> {
  return one(db, {
    name: 'mark-refused-refund-call',
    text: `UPDATE refunds SET refused_calls = refused_calls + 1 WHERE id = $1 RETURNING ${REFUND_COLUMNS}`,
    values: [toUuid(id)],
  });
}

/**
 * Keeps that the provider has taken a refund on and is not done with it, and gives up the lease; the sweep looks again after
 * `pauseMs`.
 */
export async function markPendingRefund(
  db: Queryable,
  id: PublicId,
  { providerReference, pauseMs, claim }: { providerReference: string; pauseMs: number; claim: string },
): Promise<void> {
  await db.query({
    name: 'mark-pending-refund',
    text: `UPDATE refunds
           SET provider_reference = $2, next_step_at = now() + $3 * interval '1 millisecond',
               claim = NULLIF(claim, $4),
               updated_at = CASE WHEN provider_reference IS DISTINCT FROM $2 THEN now() ELSE updated_at END
           WHERE id = $1 AND state IN (${UNDER_WAY})`,
    values: [toUuid(id), providerReference, pauseMs, claim],
  });
}

/**
 * Takes at most `limit` pending refunds whose next step is overdue, the most overdue first, for workflows of their own, and
 * looks at them again only after `pauseMs`. Index: refunds_due
 */
export async function takeDueRefunds(
  db: Queryable,
  { pauseMs, limit }: { pauseMs: number; limit: number },
): Promise<Refund[]> {
  const { rows } = await db.query<RefundRow>({
    name: 'take-due-refunds',
    text: `WITH due AS (
             SELECT id FROM refunds
             WHERE state IN (${UNDER_WAY}) AND next_step_at <= now()
             ORDER BY next_step_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE refunds SET claim = NULL, next_step_at = now() + $1 * interval '1 millisecond',
                  workflow_id = ${OWN_WORKFLOW}
           WHERE id IN (SELECT id FROM due) RETURNING ${REFUND_COLUMNS}`,
    values: [pauseMs, limit],
  });
  return rows.map(refundFromRow);
}

async function one(db: Queryable, query: { name: string; text: string; values: unknown[] }) {
  const { rows } = await db.query<RefundRow>(query);
  return rows[0] === undefined ? undefined : refundFromRow(rows[0]);
}
