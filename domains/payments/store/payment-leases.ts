import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { PAYMENT_UNDER_WAY } from '../rules/payment-states';
import { paymentWorkflowId } from '../rules/workflow-names';
import { PAYMENT_COLUMNS, type Payment, type PaymentRow, paymentFromRow } from './payments';

// Literals: the planner does not see that a parameter is within the partial index.
const UNDER_WAY = PAYMENT_UNDER_WAY.map((state) => `'${state}'`).join(', ');

/** As `paymentWorkflowId` names it. */
const OWN_WORKFLOW = `'${paymentWorkflowId('pay_')}' || replace(id::text, '-', '')`;

/**
 * Takes the lease of an open payment to call its provider, and counts that it may be called: committed before the call.
 *
 * @param claim - a UUID of whoever takes it; the holder may take it again
 * @returns undefined when it has ended, waits for a person, or somebody else holds the lease. Index: payments_pkey
 */
export async function takePayment(
  db: Queryable,
  id: PublicId,
  { claim, leaseMs }: { claim: string; leaseMs: number },
): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'take-payment',
    text: `UPDATE payments SET claim = $2, next_step_at = now() + $3 * interval '1 millisecond', calls = calls + 1,
                  first_called_at = coalesce(first_called_at, now()), updated_at = now()
           WHERE id = $1 AND state IN (${UNDER_WAY}) AND (claim IS NULL OR claim = $2 OR next_step_at <= now())
           RETURNING ${PAYMENT_COLUMNS}`,
    values: [toUuid(id), claim, leaseMs],
  });
  return rows[0] === undefined ? undefined : paymentFromRow(rows[0]);
}

/** Lets a lease last `leaseMs` from now. @returns false when it is lost. Index: payments_pkey */
export async function extendLease(
  db: Queryable,
  id: PublicId,
  { claim, leaseMs }: { claim: string; leaseMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'extend-payment-lease',
    text: `UPDATE payments SET next_step_at = now() + $3 * interval '1 millisecond'
           WHERE id = $1 AND claim = $2 AND state IN (${UNDER_WAY})`,
    values: [toUuid(id), claim, leaseMs],
  });
  return rowCount === 1;
}

/**
 * Gives up the lease of a payment whose next step is due after `dueInMs`. Index: payments_pkey
 *
 * @param options - `ownWorkflow`: it leaves the workflow that it shares for one of its own
 */
export async function releasePayment(
  db: Queryable,
  id: PublicId,
  { claim, dueInMs, ownWorkflow = false }: { claim: string; dueInMs: number; ownWorkflow?: boolean },
): Promise<void> {
  await db.query({
    name: 'release-payment',
    text: `UPDATE payments SET claim = NULL, next_step_at = now() + $3 * interval '1 millisecond',
                  workflow_id = CASE WHEN $4 THEN ${OWN_WORKFLOW} ELSE workflow_id END
           WHERE id = $1 AND claim = $2 AND state IN (${UNDER_WAY})`,
    values: [toUuid(id), claim, dueInMs, ownWorkflow],
  });
}

/**
 * Takes at most `limit` open payments whose next step is overdue, the most overdue first, for workflows of their own, and
 * looks at them again only after `pauseMs`. Index: payments_due
 */
export async function takeDuePayments(
  db: Queryable,
  { pauseMs, limit }: { pauseMs: number; limit: number },
): Promise<Payment[]> {
  const { rows } = await db.query<PaymentRow>({
    name: 'take-due-payments',
    text: `WITH due AS (
             SELECT id FROM payments
             WHERE state IN (${UNDER_WAY}) AND next_step_at <= now()
             ORDER BY next_step_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE payments SET claim = NULL, next_step_at = now() + $1 * interval '1 millisecond',
                  workflow_id = ${OWN_WORKFLOW}
           WHERE id IN (SELECT id FROM due) RETURNING ${PAYMENT_COLUMNS}`,
    values: [pauseMs, limit],
  });
  return rows.map(paymentFromRow);
}
