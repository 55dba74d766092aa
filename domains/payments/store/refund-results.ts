import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import { REFUND_MOVES } from '../rules/refund-states';
import { REFUND_COLUMNS, type Refund, type RefundRow, refundFromRow } from './refunds';

/** How a pending refund ended of which nothing is booked yet; both it and its payment are locked. */
export interface RefundEnd {
  refund: Refund;
  move: 'succeed' | 'fail';
  failureCode: string | undefined;
  providerReference: string | undefined;
  /** When it succeeded. */
  refundedAt: Date | undefined;
  /** The moment that the provider told. */
  toldAt: Date | undefined;
  /** Of a success: the part of the capture's fee that goes back. */
  returned: Fee | undefined;
  /** Calls that the provider refused for good in this step. */
  refusedCalls: number;
}

/** Several refunds, locked until the transaction ends, in the order of their ids. Lock their payments first. */
export async function lockRefunds(db: Queryable, ids: readonly PublicId[]): Promise<ReadonlyMap<PublicId, Refund>> {
  const { rows } = await db.query<RefundRow>({
    name: 'lock-refunds',
    text: `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
    values: [ids.map(toUuid)],
  });
  return new Map(rows.map(refundFromRow).map((refund) => [refund.id, refund]));
}

const END = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS i(
    id uuid, payment uuid, target text, code text, reference text, refunded timestamptz, told timestamptz, booked bigint,
    released bigint, fee bigint, tax bigint, refused int)
), sums AS (
  UPDATE payments p SET refunded_amount = p.refunded_amount + s.booked, refund_reserved = p.refund_reserved - s.released,
         updated_at = now()
  FROM (SELECT payment, sum(booked)::bigint AS booked, sum(released)::bigint AS released FROM input GROUP BY payment) s
  WHERE p.id = s.payment
)
UPDATE refunds r
SET state = i.target, failure_code = i.code, provider_reference = coalesce(i.reference, r.provider_reference),
    refunded_at = i.refunded, provider_told_at = coalesce(i.told, r.provider_told_at), booked_amount = i.booked,
    bookings = CASE WHEN i.booked > 0 THEN 1 ELSE 0 END, fee_returned = i.fee, fee_tax_returned = i.tax,
    reserved = r.reserved - i.released, refused_calls = r.refused_calls + i.refused, claim = NULL, next_step_at = now(),
    updated_at = now()
FROM input i WHERE r.id = i.id
RETURNING ${REFUND_COLUMNS.split(',')
  .map((column) => `r.${column.trim()}`)
  .join(', ')}`;

/** Ends refunds, with the sums of their payments, in one statement. Indexes: refunds_pkey, payments_pkey */
export async function endRefunds(db: Queryable, ends: readonly RefundEnd[]): Promise<ReadonlyMap<PublicId, Refund>> {
  if (ends.length === 0) return new Map();
  const input = ends.map(({ refund, move, returned, ...end }) => ({
    id: toUuid(refund.id),
    payment: toUuid(refund.paymentId),
    target: REFUND_MOVES[move].to,
    code: end.failureCode,
    reference: end.providerReference,
    refunded: end.refundedAt,
    told: end.toldAt,
    booked: (move === 'succeed' ? refund.amount : 0n).toString(),
    released: (move === 'succeed' ? 0n : refund.reserved).toString(),
    fee: returned?.fee.toString(),
    tax: returned?.tax.toString(),
    refused: end.refusedCalls,
  }));
  const { rows } = await db.query<RefundRow>({ name: 'end-refunds', text: END, values: [JSON.stringify(input)] });
  return new Map(rows.map(refundFromRow).map((refund) => [refund.id, refund]));
}
