import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { PAYMENT_UNDER_WAY } from '../rules/payment-states';
import { paymentWorkflowId } from '../rules/workflow-names';
import { type Leased, type Overdue, type Release, releaseLease, takeOverdue, underWayOf } from './leases';
import { PAYMENT_COLUMNS, type Payment, type PaymentRow, paymentFromRow } from './payments';

const LEASED: Leased = {
  table: 'payments',
  underWay: PAYMENT_UNDER_WAY,
  // As `paymentWorkflowId` names it.
  ownWorkflow: `'${paymentWorkflowId('pay_')}' || replace(id::text, '-', '')`,
};
const UNDER_WAY = underWayOf(LEASED);

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

/** Gives up the lease of a payment under way. Index: payments_pkey */
export async function releasePayment(db: Queryable, id: PublicId, release: Release): Promise<void> {
  await releaseLease(db, LEASED, id, release);
}

/** Takes payments whose next step is overdue, for workflows of their own. Index: payments_due */
export async function takeDuePayments(db: Queryable, overdue: Overdue): Promise<Payment[]> {
  return (await takeOverdue<PaymentRow>(db, LEASED, PAYMENT_COLUMNS, overdue)).map(paymentFromRow);
}
