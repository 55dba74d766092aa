import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { REFUNDS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import { REFUND_MOVES, type RefundMove, type RefundState } from '../rules/refund-states';
import type { RefundSays } from '../rules/reported-refund';
import { refundWorkflowId } from '../rules/workflow-names';
import { findPayment } from './payments';

/** A part of a payment, or all of it, on its way back. */
export interface Refund {
  id: PublicId;
  tenantId: PublicId;
  paymentId: PublicId;
  amount: bigint;
  currency: string;
  reason: string | undefined;
  state: RefundState;
  failureCode: string | undefined;
  providerReference: string | undefined;
  refundedAt: Date | undefined;
  /** The part of the capture's fee that went back. */
  returned: Fee | undefined;
  /** Calls to the provider that somebody began, and those of them that it refused for good. */
  calls: number;
  refusedCalls: number;
  /** What it keeps of its payment from being refunded otherwise. */
  reserved: bigint;
  /** What the ledger says went back, and how often it was posted. */
  bookedAmount: bigint;
  bookings: number;
  /** What the business bore itself. */
  writtenOffAmount: bigint;
  /** What the provider has that is not what was asked for. */
  providerSays: RefundSays[] | undefined;
  /** The moment of the last thing that the provider reported. */
  providerToldAt: Date | undefined;
  /** How often it was put before a person, and how often one decided. */
  reviews: number;
  resolutions: number;
  workflowId: string;
  /** Whether the request named no amount; undefined where nobody wrote that down. */
  askedForAll: boolean | undefined;
  /** Who holds the lease to call the provider for it. */
  claim: string | undefined;
  createdAt: Date;
  updatedAt: Date;
}

export interface RefundRow {
  id: string;
  tenant_id: string;
  payment_id: string;
  amount: string;
  currency: string;
  reason: string | null;
  state: RefundState;
  failure_code: string | null;
  provider_reference: string | null;
  refunded_at: Date | null;
  fee_returned: string | null;
  fee_tax_returned: string | null;
  calls: number;
  refused_calls: number;
  reserved: string;
  booked_amount: string;
  bookings: number;
  written_off_amount: string;
  provider_says: RefundSays[] | null;
  provider_told_at: Date | null;
  reviews: number;
  resolutions: number;
  workflow_id: string;
  asked_for_all: boolean | null;
  claim: string | null;
  created_at: Date;
  updated_at: Date;
}

export const REFUND_COLUMNS = `id, tenant_id, payment_id, amount, currency, reason, state, failure_code, provider_reference, refunded_at,
  fee_returned, fee_tax_returned, calls, refused_calls, reserved, booked_amount, bookings, written_off_amount,
  provider_says, provider_told_at, reviews, resolutions, workflow_id, asked_for_all, claim, created_at, updated_at`;

/** As `refundWorkflowId` names it: what goes on does so in a workflow of its own. */
export const OWN_WORKFLOW = `'${refundWorkflowId('ref_')}' || replace(id::text, '-', '')`;

export type NewRefund = Pick<Refund, 'id' | 'tenantId' | 'paymentId' | 'amount' | 'currency' | 'reason' | 'workflowId'>;

/** Makes a pending refund, for a part of its payment that is set aside already. */
export async function insertRefund(db: Queryable, refund: NewRefund): Promise<Refund> {
  const { rows } = await db.query<RefundRow>({
    name: 'insert-refund',
    text: `INSERT INTO refunds (id, tenant_id, payment_id, amount, currency, reason, workflow_id, reserved)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $4) RETURNING ${REFUND_COLUMNS}`,
    values: [
      toUuid(refund.id),
      toUuid(refund.tenantId),
      toUuid(refund.paymentId),
      refund.amount.toString(),
      refund.currency,
      refund.reason,
      refund.workflowId,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  return refundFromRow(row);
}

/** A refund of this payment. Index: refunds_pkey. */
export async function findRefund(
  db: Queryable,
  tenantId: PublicId,
  paymentId: PublicId,
  id: PublicId,
): Promise<Refund | undefined> {
  const { rows } = await db.query<RefundRow>({
    name: 'find-refund',
    text: `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = $1 AND tenant_id = $2 AND payment_id = $3`,
    values: [toUuid(id), toUuid(tenantId), toUuid(paymentId)],
  });
  return rows[0] === undefined ? undefined : refundFromRow(rows[0]);
}

/** Any tenant's refund: only for ids that come from us. Index: refunds_pkey. */
export async function readRefund(db: Queryable, id: PublicId): Promise<Refund | undefined> {
  const { rows } = await db.query<RefundRow>({
    name: 'read-refund',
    text: `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : refundFromRow(rows[0]);
}

/** The refunds of a payment; `undefined` when there is no such payment. Index: refunds_by_payment. */
export async function listRefunds(
  db: Queryable,
  tenantId: PublicId,
  paymentId: PublicId,
  request: PageRequest,
): Promise<Page<Refund> | undefined> {
  if ((await findPayment(db, tenantId, paymentId)) === undefined) return undefined;
  const query = {
    columns: `${REFUND_COLUMNS}, place`,
    table: 'refunds',
    followed: REFUNDS_LIST,
    index: { prefix: ['payment_id', toUuid(paymentId)] as const, key: 'place' },
  };
  return mapPage(await readPage<RefundRow>(db, query, request), refundFromRow);
}

/** As {@link readRefund}, locked until the transaction ends. Lock its payment first. */
export async function lockRefund(db: Queryable, id: PublicId): Promise<Refund | undefined> {
  const { rows } = await db.query<RefundRow>({
    name: 'lock-refund',
    text: `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = $1 FOR UPDATE`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : refundFromRow(rows[0]);
}

/** What changes with a refund's state. Omitted fields stay, except the code, which is cleared. */
export interface RefundChange {
  failureCode?: string | undefined;
  providerReference?: string | undefined;
  refundedAt?: Date | undefined;
  says?: RefundSays[] | undefined;
  toldAt?: Date | undefined;
}

/**
 * Moves a refund to another state. Counts reviews and decisions, by which their events differ.
 *
 * @returns the refund after the move; `undefined` when its state does not allow it
 */
export async function moveRefund(
  db: Queryable,
  id: PublicId,
  move: RefundMove,
  change: RefundChange = {},
): Promise<Refund | undefined> {
  const { from, to, by } = REFUND_MOVES[move];
  const { rows } = await db.query<RefundRow>({
    name: 'move-refund',
    text: `UPDATE refunds
           SET state = $3, failure_code = $4, provider_reference = coalesce($5, provider_reference),
               refunded_at = coalesce($6, refunded_at), provider_says = coalesce($7::jsonb, provider_says),
               provider_told_at = coalesce($8, provider_told_at), reviews = reviews + $9, resolutions = resolutions + $10,
               workflow_id = CASE WHEN $3 = 'pending' THEN ${OWN_WORKFLOW} ELSE workflow_id END,
               claim = NULL, next_step_at = now(), updated_at = now()
           WHERE id = $1 AND state = ANY ($2) RETURNING ${REFUND_COLUMNS}`,
    values: [
      toUuid(id),
      from,
      to,
      change.failureCode,
      change.providerReference,
      change.refundedAt,
      change.says === undefined ? undefined : JSON.stringify(change.says),
      change.toldAt,
      to === 'needs_review' ? 1 : 0,
      by === 'person' && to !== 'pending' ? 1 : 0,
    ],
  });
  return rows[0] === undefined ? undefined : refundFromRow(rows[0]);
}

/** What the books say of a refund, and what it keeps of its payment. */
export interface RefundBooks {
  amount: bigint;
  returned: Fee | undefined;
  writtenOff: bigint;
  reserved: bigint;
  bookings: number;
}

/** Keeps what was posted for a refund, and its part of the payment's sums. Call it with both locked. */
export async function setRefundBooks(db: Queryable, refund: Refund, books: RefundBooks): Promise<void> {
  await db.query({
    name: 'set-refund-books',
    text: `UPDATE refunds SET booked_amount = $2, fee_returned = $3, fee_tax_returned = $4, written_off_amount = $5,
                  reserved = $6, bookings = $7, updated_at = now()
           WHERE id = $1`,
    values: [
      toUuid(refund.id),
      books.amount.toString(),
      books.returned?.fee.toString(),
      books.returned?.tax.toString(),
      books.writtenOff.toString(),
      books.reserved.toString(),
      books.bookings,
    ],
  });
  await db.query({
    name: 'shift-refunded',
    text: `UPDATE payments SET refunded_amount = refunded_amount + $2, refund_reserved = refund_reserved + $3,
                  updated_at = now()
           WHERE id = $1`,
    values: [
      toUuid(refund.paymentId),
      (books.amount - refund.bookedAmount).toString(),
      (books.reserved - refund.reserved).toString(),
    ],
  });
}

/** What a payment's refunds come to. */
export interface RefundSums {
  /** Of those that may be on their way: called for at the provider, and without a result. */
  sent: bigint;
  /** The parts of the capture's fee that went back. */
  returned: Fee;
}

/** The sums of several payments' refunds, in their order. Index: refunds_by_payment. */
export async function sumRefundsOf(db: Queryable, paymentIds: readonly PublicId[]): Promise<RefundSums[]> {
  const { rows } = await db.query<{ sent: string; fee: string; tax: string }>({
    name: 'sum-refunds',
    text: `SELECT s.* FROM unnest($1::uuid[]) WITH ORDINALITY AS p(id, position) CROSS JOIN LATERAL (
             SELECT coalesce(sum(amount) FILTER (WHERE state IN ('pending', 'needs_review') AND booked_amount = 0
                                                   AND calls > refused_calls), 0)::text AS sent,
                    coalesce(sum(fee_returned) FILTER (WHERE booked_amount > 0), 0)::text AS fee,
                    coalesce(sum(fee_tax_returned) FILTER (WHERE booked_amount > 0), 0)::text AS tax
             FROM refunds WHERE payment_id = p.id) s
           ORDER BY p.position`,
    values: [paymentIds.map(toUuid)],
  });
  return rows.map(({ sent, fee, tax }) => ({ sent: BigInt(sent), returned: { fee: BigInt(fee), tax: BigInt(tax) } }));
}

/** As {@link sumRefundsOf}, of one. */
export async function sumRefunds(db: Queryable, paymentId: PublicId): Promise<RefundSums> {
  const [sums] = await sumRefundsOf(db, [paymentId]);
  if (sums === undefined) throw new Error('a sum is missing');
  return sums;
}

export function refundFromRow(row: RefundRow): Refund {
  return {
    id: fromUuid('ref', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    paymentId: fromUuid('pay', row.payment_id),
    amount: BigInt(row.amount),
    currency: row.currency,
    reason: row.reason ?? undefined,
    state: row.state,
    failureCode: row.failure_code ?? undefined,
    providerReference: row.provider_reference ?? undefined,
    refundedAt: row.refunded_at ?? undefined,
    returned:
      row.fee_returned === null
        ? undefined
        : { fee: BigInt(row.fee_returned), tax: BigInt(row.fee_tax_returned ?? '0') },
    calls: row.calls,
    refusedCalls: row.refused_calls,
    reserved: BigInt(row.reserved),
    bookedAmount: BigInt(row.booked_amount),
    bookings: row.bookings,
    writtenOffAmount: BigInt(row.written_off_amount),
    providerSays: row.provider_says ?? undefined,
    providerToldAt: row.provider_told_at ?? undefined,
    reviews: row.reviews,
    resolutions: row.resolutions,
    workflowId: row.workflow_id,
    askedForAll: row.asked_for_all ?? undefined,
    claim: row.claim ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
