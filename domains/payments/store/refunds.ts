import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import { REFUND_MOVES, REFUND_UNDER_WAY, type RefundMove, type RefundState } from '../rules/refund-states';
import { takeNeglected } from './neglected';
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
  workflowId: string;
  createdAt: Date;
  updatedAt: Date;
}

interface Row {
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
  workflow_id: string;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `id, tenant_id, payment_id, amount, currency, reason, state, failure_code, provider_reference, refunded_at,
  fee_returned, fee_tax_returned, workflow_id, created_at, updated_at`;

export type NewRefund = Pick<Refund, 'id' | 'tenantId' | 'paymentId' | 'amount' | 'currency' | 'reason' | 'workflowId'>;

/** Makes a pending refund. */
export async function insertRefund(db: Queryable, refund: NewRefund): Promise<Refund> {
  const { rows } = await db.query<Row>({
    name: 'insert-refund',
    text: `INSERT INTO refunds (id, tenant_id, payment_id, amount, currency, reason, workflow_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`,
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
  return fromRow(row);
}

/** A refund of this payment. Index: refunds_pkey. */
export async function findRefund(
  db: Queryable,
  tenantId: PublicId,
  paymentId: PublicId,
  id: PublicId,
): Promise<Refund | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-refund',
    text: `SELECT ${COLUMNS} FROM refunds WHERE id = $1 AND tenant_id = $2 AND payment_id = $3`,
    values: [toUuid(id), toUuid(tenantId), toUuid(paymentId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Any tenant's refund: only for ids that come from us. Index: refunds_pkey. */
export async function readRefund(db: Queryable, id: PublicId): Promise<Refund | undefined> {
  const { rows } = await db.query<Row>({
    name: 'read-refund',
    text: `SELECT ${COLUMNS} FROM refunds WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
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
    columns: COLUMNS,
    table: 'refunds',
    index: { prefix: ['payment_id', toUuid(paymentId)] as const, key: 'id' },
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** What changes with a refund's state. Omitted fields stay, except the code, which is cleared. */
export interface RefundChange {
  failureCode?: string;
  providerReference?: string | undefined;
  refunded?: { at: Date; returned: Fee };
}

/**
 * Moves a refund to another state.
 *
 * @returns the refund after the move; `undefined` when its state does not allow it
 */
export async function moveRefund(
  db: Queryable,
  id: PublicId,
  move: RefundMove,
  change: RefundChange = {},
): Promise<Refund | undefined> {
  const { from, to } = REFUND_MOVES[move];
  const { refunded } = change;
  const { rows } = await db.query<Row>({
    name: 'move-refund',
    text: `UPDATE refunds
           SET state = $3, failure_code = $4, provider_reference = coalesce($5, provider_reference),
               refunded_at = coalesce($6, refunded_at), fee_returned = coalesce($7, fee_returned),
               fee_tax_returned = coalesce($8, fee_tax_returned), updated_at = now()
           WHERE id = $1 AND state = ANY ($2) RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      from,
      to,
      change.failureCode,
      change.providerReference,
      refunded?.at,
      refunded?.returned.fee.toString(),
      refunded?.returned.tax.toString(),
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Takes, in turns, open refunds that have not changed for `graceMs`. Indexes: refunds_open, refunds_pkey. */
export async function takeNeglectedRefunds(db: Queryable, graceMs: number, limit: number): Promise<Refund[]> {
  const { rows } = await db.query<Row>({
    name: 'neglected-refunds',
    text: takeNeglected('refunds', REFUND_UNDER_WAY, COLUMNS),
    values: [graceMs, limit],
  });
  return rows.map(fromRow);
}

function fromRow(row: Row): Refund {
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
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
