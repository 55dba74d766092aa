import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { REFUND_COLUMNS, type Refund, type RefundRow, refundFromRow } from './refunds';

/** A refund that is to be stored. Its payment is locked, and has enough left. */
export interface AcceptedRefund {
  id: PublicId;
  tenantId: PublicId;
  paymentId: PublicId;
  amount: bigint;
  currency: string;
  reason: string | undefined;
  workflowId: string;
  /** The `Idempotency-Key`, a UUID. */
  requestKey: string;
  askedForAll: boolean;
  /** Whether the provider is called for it in the first step. */
  called: boolean;
}

/** Of a tenant, a request's key. */
export interface RefundKey {
  tenantId: PublicId;
  requestKey: string;
}

/**
 * The refunds that requests with these keys made, in their order; undefined for a key that is new. The tenant is compared in
 * a way that no index knows, as for payments. Index: refunds_request_key
 */
export async function findRefundsByKey(db: Queryable, keys: readonly RefundKey[]): Promise<(Refund | undefined)[]> {
  const { rows } = await db.query<RefundRow & { position: number }>({
    name: 'find-refunds-by-request-key',
    text: `SELECT k.position::int, r.*
           FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k(tenant, key, position)
           CROSS JOIN LATERAL (
             SELECT ${REFUND_COLUMNS} FROM refunds
             WHERE request_key = k.key AND tenant_id IS NOT DISTINCT FROM k.tenant) r`,
    values: [keys.map(({ tenantId }) => toUuid(tenantId)), keys.map(({ requestKey }) => requestKey)],
  });
  const found = new Map(rows.map((row) => [row.position, refundFromRow(row)]));
  return keys.map((_key, index) => found.get(index + 1));
}

// That a refund has a call is the mark that the provider may have been called for it.
const INSERT = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS i(
    id uuid, tenant uuid, payment uuid, amount bigint, currency text, reason text, workflow text, key uuid, for_all boolean,
    called boolean)
), reserved AS (
  UPDATE payments p SET refund_reserved = p.refund_reserved + i.amount, updated_at = now()
  FROM (SELECT payment, sum(amount)::bigint AS amount FROM input GROUP BY payment) i
  WHERE p.id = i.payment
)
INSERT INTO refunds (id, tenant_id, payment_id, amount, currency, reason, workflow_id, reserved, request_key, asked_for_all,
                     claim, next_step_at, calls, first_called_at)
SELECT id, tenant, payment, amount, currency, reason, workflow, amount, key, for_all, $2,
       CASE WHEN $2::uuid IS NULL THEN now() ELSE now() + $3::int * interval '1 millisecond' END,
       CASE WHEN $2::uuid IS NOT NULL AND called THEN 1 ELSE 0 END,
       CASE WHEN $2::uuid IS NOT NULL AND called THEN now() END
FROM input
RETURNING ${REFUND_COLUMNS}`;

/**
 * Stores refunds, and sets their parts of their payments aside, in one statement.
 *
 * @param lease - of the accepting process; without a claim the first step is left to the workflow
 * @throws a unique violation when another statement takes a key at the same moment
 */
export async function insertRefunds(
  db: Queryable,
  refunds: readonly AcceptedRefund[],
  { claim, leaseMs }: { claim: string | undefined; leaseMs: number },
): Promise<ReadonlyMap<PublicId, Refund>> {
  if (refunds.length === 0) return new Map();
  const input = refunds.map((refund) => ({
    id: toUuid(refund.id),
    tenant: toUuid(refund.tenantId),
    payment: toUuid(refund.paymentId),
    amount: refund.amount.toString(),
    currency: refund.currency,
    reason: refund.reason,
    workflow: refund.workflowId,
    key: refund.requestKey,
    for_all: refund.askedForAll,
    called: refund.called,
  }));
  const { rows } = await db.query<RefundRow>({
    name: 'insert-refunds',
    text: INSERT,
    values: [JSON.stringify(input), claim, leaseMs],
  });
  return new Map(rows.map(refundFromRow).map((refund) => [refund.id, refund]));
}
