import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { PAYMENTS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import type { ProviderSays } from '../rules/charge';
import type { PaymentState } from '../rules/payment-states';

/** Where a payment's money comes from. */
export type PaymentSource = { type: 'card'; token: string } | { type: 'wallet'; walletId: PublicId };

/** An attempt to pay an order. */
export interface Payment {
  id: PublicId;
  tenantId: PublicId;
  orderId: PublicId;
  merchantId: PublicId;
  amount: bigint;
  currency: string;
  source: PaymentSource;
  state: PaymentState;
  /** Why it was declined or failed, or what needs review. */
  declineCode: string | undefined;
  /** The provider's id of the charge. */
  providerReference: string | undefined;
  capturedAt: Date | undefined;
  /** What was captured; undefined until then. */
  capturedAmount: bigint | undefined;
  /** What the provider holds that is not what was asked for. */
  providerSays: ProviderSays | undefined;
  /** How often somebody began to call the provider; 0 proves that no call was ever sent. */
  calls: number;
  firstCalledAt: Date | undefined;
  /** How often it was put before a person. */
  reviews: number;
  /** Whether its order has gone on without it. */
  orderReleased: boolean;
  /** As charged at the capture. */
  fee: Fee | undefined;
  feeScheduleId: PublicId | undefined;
  /** The part of the amount that refunds have given back or are giving back. */
  refundReserved: bigint;
  /** The part of the amount that was given back. */
  refundedAmount: bigint;
  workflowId: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface PaymentRow {
  id: string;
  tenant_id: string;
  order_id: string;
  merchant_id: string;
  amount: string;
  currency: string;
  card_token: string | null;
  wallet_id: string | null;
  state: PaymentState;
  decline_code: string | null;
  provider_reference: string | null;
  captured_at: Date | null;
  captured_amount: string | null;
  provider_says: ProviderSays | null;
  calls: number;
  first_called_at: Date | null;
  reviews: number;
  order_released: boolean;
  fee: string | null;
  fee_tax: string | null;
  fee_schedule_id: string | null;
  refund_reserved: string;
  refunded_amount: string;
  workflow_id: string;
  created_at: Date;
  updated_at: Date;
}

export const PAYMENT_COLUMNS = `id, tenant_id, order_id, merchant_id, amount, currency, card_token, wallet_id, state, decline_code,
  provider_reference, captured_at, captured_amount, provider_says, calls, first_called_at, reviews, order_released, fee,
  fee_tax, fee_schedule_id, refund_reserved, refunded_amount, workflow_id, created_at, updated_at`;

export type NewPayment = Pick<
  Payment,
  'id' | 'tenantId' | 'orderId' | 'merchantId' | 'amount' | 'currency' | 'source' | 'workflowId'
>;

/**
 * Makes a pending payment.
 *
 * @throws a unique violation when the order has a live payment
 */
export async function insertPayment(db: Queryable, payment: NewPayment): Promise<Payment> {
  const { source } = payment;
  const { rows } = await db.query<PaymentRow>({
    name: 'insert-payment',
    text: `INSERT INTO payments (id, tenant_id, order_id, merchant_id, amount, currency, card_token, wallet_id, workflow_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${PAYMENT_COLUMNS}`,
    values: [
      toUuid(payment.id),
      toUuid(payment.tenantId),
      toUuid(payment.orderId),
      toUuid(payment.merchantId),
      payment.amount.toString(),
      payment.currency,
      source.type === 'card' ? source.token : null,
      source.type === 'wallet' ? toUuid(source.walletId) : null,
      payment.workflowId,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  return paymentFromRow(row);
}

/** Index: payments_pkey. */
export async function findPayment(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'find-payment',
    text: `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : paymentFromRow(rows[0]);
}

/** Any tenant's payment: only for ids that come from us. Index: payments_pkey. */
export async function readPayment(db: Queryable, id: PublicId): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'read-payment',
    text: `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : paymentFromRow(rows[0]);
}

/** As {@link readPayment}, locked until the transaction ends. */
export async function lockPayment(db: Queryable, id: PublicId): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'lock-payment',
    text: `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = $1 FOR UPDATE`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : paymentFromRow(rows[0]);
}

/** As {@link lockPayment}, several, in the order of their ids: whoever locks several does not wait in a circle. */
export async function lockPayments(db: Queryable, ids: Iterable<PublicId>): Promise<ReadonlyMap<PublicId, Payment>> {
  const { rows } = await db.query<PaymentRow>({
    name: 'lock-payments',
    text: `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
    values: [[...new Set(ids)].map(toUuid)],
  });
  return new Map(rows.map(paymentFromRow).map((payment) => [payment.id, payment]));
}

/** Index: payments_by_tenant; payments_by_order for those of an order. */
export async function listPayments(
  db: Queryable,
  tenantId: PublicId,
  filter: { orderId?: PublicId | undefined; state?: PaymentState | undefined },
  request: PageRequest,
): Promise<Page<Payment>> {
  const { orderId, state } = filter;
  const prefix =
    orderId === undefined ? (['tenant_id', toUuid(tenantId)] as const) : (['order_id', toUuid(orderId)] as const);
  const query = {
    columns: `${PAYMENT_COLUMNS}, place`,
    table: 'payments',
    followed: PAYMENTS_LIST,
    index: { prefix, key: 'place' },
    ...(orderId === undefined ? {} : { fixed: [['tenant_id = ?', toUuid(tenantId)] as const] }),
    filter: state === undefined ? [] : [['state = ?', state] as const],
  };
  return mapPage(await readPage<PaymentRow>(db, query, request), paymentFromRow);
}

/**
 * Sets a part of a captured payment aside for a refund.
 *
 * @returns false when the payment is not captured, or less is left of it
 */
export async function reserveRefund(db: Queryable, paymentId: PublicId, amount: bigint): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'reserve-refund',
    text: `UPDATE payments SET refund_reserved = refund_reserved + $2, updated_at = now()
           WHERE id = $1 AND state = 'captured' AND refund_reserved + $2 <= coalesce(captured_amount, amount)`,
    values: [toUuid(paymentId), amount.toString()],
  });
  return rowCount === 1;
}

export function paymentFromRow(row: PaymentRow): Payment {
  return {
    id: fromUuid('pay', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    orderId: fromUuid('ord', row.order_id),
    merchantId: fromUuid('mer', row.merchant_id),
    amount: BigInt(row.amount),
    currency: row.currency,
    source:
      row.wallet_id === null
        ? { type: 'card', token: row.card_token ?? '' }
        : { type: 'wallet', walletId: fromUuid('wal', row.wallet_id) },
    state: row.state,
    declineCode: row.decline_code ?? undefined,
    providerReference: row.provider_reference ?? undefined,
    capturedAt: row.captured_at ?? undefined,
    capturedAmount: row.captured_at === null ? undefined : BigInt(row.captured_amount ?? row.amount),
    providerSays: row.provider_says ?? undefined,
    calls: row.calls,
    firstCalledAt: row.first_called_at ?? undefined,
    reviews: row.reviews,
    orderReleased: row.order_released,
    fee: row.fee === null ? undefined : { fee: BigInt(row.fee), tax: BigInt(row.fee_tax ?? '0') },
    feeScheduleId: row.fee_schedule_id === null ? undefined : fromUuid('fee', row.fee_schedule_id),
    refundReserved: BigInt(row.refund_reserved),
    refundedAmount: BigInt(row.refunded_amount),
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
