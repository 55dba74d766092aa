import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { CHARGEBACKS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import {
  CHARGEBACK_MOVES,
  CHARGEBACK_UNDER_WAY,
  type ChargebackMove,
  type ChargebackState,
} from '../rules/chargeback-states';
import type { DisputeSays } from '../rules/dispute-events';
import { capturedOf } from '../rules/refundable';
import { takeDue } from './due';
import type { Payment } from './payments';

/** Money that a card's bank took back. `won`: posted, then decided for the merchant, and about to be reversed. */
export interface Chargeback {
  id: PublicId;
  tenantId: PublicId;
  paymentId: PublicId;
  /** The provider's name for it. */
  providerReference: string;
  /** As the provider told it first. */
  amount: bigint;
  currency: string;
  reason: string;
  state: ChargebackState;
  /** What the merchant pays for it. */
  fee: Fee | undefined;
  /** What the ledger has taken from the merchant by now, and how often it was posted or taken back. */
  booked: Booked;
  bookings: number;
  occurredAt: Date;
  wonAt: Date | undefined;
  /** What the decision gives back; `undefined` for all. */
  wonAmount: bigint | undefined;
  lostAt: Date | undefined;
  /** Why it needs review. */
  reviewCode: string | undefined;
  /** What the provider reported that does not fit. */
  providerSays: DisputeSays | undefined;
  /** How often it was put before a person, and how often one decided. */
  reviews: number;
  resolutions: number;
  workflowId: string;
  createdAt: Date;
  updatedAt: Date;
}

/** An amount that was taken from a merchant, with the fee for it. */
export interface Booked {
  amount: bigint;
  fee: Fee;
}

interface Row {
  id: string;
  tenant_id: string;
  payment_id: string;
  provider_reference: string;
  amount: string;
  currency: string;
  reason: string;
  state: ChargebackState;
  fee: string | null;
  fee_tax: string | null;
  booked_amount: string;
  booked_fee: string;
  booked_fee_tax: string;
  bookings: number;
  occurred_at: Date;
  won_at: Date | null;
  won_amount: string | null;
  lost_at: Date | null;
  review_code: string | null;
  provider_says: DisputeSays | null;
  reviews: number;
  resolutions: number;
  workflow_id: string;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `id, tenant_id, payment_id, provider_reference, amount, currency, reason, state, fee, fee_tax,
  booked_amount, booked_fee, booked_fee_tax, bookings, occurred_at, won_at, won_amount, lost_at, review_code,
  provider_says, reviews, resolutions, workflow_id, created_at, updated_at`;

export type NewChargeback = Pick<
  Chargeback,
  'id' | 'tenantId' | 'paymentId' | 'providerReference' | 'amount' | 'currency' | 'reason' | 'occurredAt' | 'workflowId'
>;

/** Makes a chargeback that is to be posted. @throws a unique violation when the payment has the dispute already */
export async function insertChargeback(db: Queryable, chargeback: NewChargeback): Promise<Chargeback> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO chargebacks (id, tenant_id, payment_id, provider_reference, amount, currency, reason, occurred_at,
                                    workflow_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
    values: [
      toUuid(chargeback.id),
      toUuid(chargeback.tenantId),
      toUuid(chargeback.paymentId),
      chargeback.providerReference,
      chargeback.amount.toString(),
      chargeback.currency,
      chargeback.reason,
      chargeback.occurredAt,
      chargeback.workflowId,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  return fromRow(row);
}

/**
 * Locks a dispute until the transaction ends, whether it is known or not, and returns what is known of it: a chargeback for
 * each payment that the provider named. Index: chargebacks_by_reference.
 */
export async function lockDispute(db: Queryable, providerReference: string): Promise<Chargeback[]> {
  // Only a later statement sees what another transaction did while this one waited, not the one that waits.
  await db.query({
    text: "SELECT pg_advisory_xact_lock(hashtextextended('chargebacks/' || $1::text, 0))",
    values: [providerReference],
  });
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM chargebacks WHERE provider_reference = $1 ORDER BY created_at, id FOR UPDATE`,
    values: [providerReference],
  });
  return rows.map(fromRow);
}

/** Index: chargebacks_pkey. */
export async function findChargeback(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Chargeback | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM chargebacks WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Any tenant's chargeback, locked until the transaction ends. */
export async function lockChargeback(db: Queryable, id: PublicId): Promise<Chargeback | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM chargebacks WHERE id = $1 FOR UPDATE`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: chargebacks_by_tenant. */
export async function listChargebacks(
  db: Queryable,
  tenantId: PublicId,
  filter: { paymentId?: PublicId | undefined; state?: ChargebackState | undefined },
  request: PageRequest,
): Promise<Page<Chargeback>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'chargebacks',
    followed: CHARGEBACKS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
    filter: [
      ...(filter.state === undefined ? [] : [['state = ?', filter.state] as const]),
      ...(filter.paymentId === undefined ? [] : [['payment_id = ?', toUuid(filter.paymentId)] as const]),
    ],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** What changes with a chargeback's state. Omitted fields stay, except the code, which is cleared. */
export interface ChargebackChange {
  fee?: Fee | undefined;
  reviewCode?: string | undefined;
  says?: DisputeSays | undefined;
}

/**
 * Moves a chargeback to another state. Counts reviews and decisions, by which their events differ.
 *
 * @returns the chargeback after the move; `undefined` when its state does not allow it
 */
export async function moveChargeback(
  db: Queryable,
  id: PublicId,
  move: ChargebackMove,
  change: ChargebackChange = {},
): Promise<Chargeback | undefined> {
  const { from, to, by } = CHARGEBACK_MOVES[move];
  const { rows } = await db.query<Row>({
    text: `UPDATE chargebacks
           SET state = $3, fee = coalesce($4, fee), fee_tax = coalesce($5, fee_tax), review_code = $6,
               provider_says = coalesce($7::jsonb, provider_says), reviews = reviews + $8,
               resolutions = resolutions + $9, next_step_at = now(), updated_at = now()
           WHERE id = $1 AND state = ANY ($2) RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      from,
      to,
      change.fee?.fee.toString(),
      change.fee?.tax.toString(),
      change.reviewCode,
      change.says === undefined ? undefined : JSON.stringify(change.says),
      to === 'needs_review' ? 1 : 0,
      by === 'person' && to !== 'received' ? 1 : 0,
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Keeps what the ledger has taken from the merchant by now. */
export async function setBooked(db: Queryable, id: PublicId, booked: Booked): Promise<Chargeback> {
  const { rows } = await db.query<Row>({
    text: `UPDATE chargebacks SET booked_amount = $2, booked_fee = $3, booked_fee_tax = $4, bookings = bookings + 1,
                  updated_at = now()
           WHERE id = $1 RETURNING ${COLUMNS}`,
    values: [toUuid(id), booked.amount.toString(), booked.fee.fee.toString(), booked.fee.tax.toString()],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('a locked chargeback is gone');
  return fromRow(row);
}

/** How a dispute was decided. `wonAmount`: what comes back; `undefined` for all. */
export type Decision = Pick<Chargeback, 'wonAt' | 'wonAmount' | 'lostAt'>;

/** Keeps how a dispute was decided, or that it was not. */
export async function setDecision(db: Queryable, id: PublicId, decision: Decision): Promise<void> {
  await db.query({
    text: `UPDATE chargebacks SET won_at = $2, won_amount = $3, lost_at = $4, next_step_at = now(), updated_at = now()
           WHERE id = $1`,
    values: [toUuid(id), decision.wonAt, decision.wonAmount?.toString(), decision.lostAt],
  });
}

/** What is in dispute, or was lost, of a payment. */
export interface Disputed {
  /** Taken from the merchant. */
  booked: bigint;
  /** That is not to be refunded: taken, about to be taken, or not yet decided about by a person. */
  blocked: bigint;
}

/**
 * What is in dispute of several payments, in their order. A dispute that was never posted blocks no more than its amount,
 * nor than was captured. Index: chargebacks_by_payment.
 */
export async function sumChargebacksOf(
  db: Queryable,
  payments: readonly Pick<Payment, 'id' | 'amount' | 'capturedAmount' | 'currency'>[],
): Promise<Disputed[]> {
  const { rows } = await db.query<{ booked: string; blocked: string }>({
    name: 'sum-chargebacks',
    text: `SELECT s.* FROM unnest($1::uuid[], $2::bigint[], $3::text[]) WITH ORDINALITY AS p(id, captured, currency, position)
           CROSS JOIN LATERAL (
             SELECT coalesce(sum(c.booked_amount), 0)::text AS booked,
                    coalesce(sum(CASE WHEN c.state IN ('received', 'needs_review') THEN
                                        greatest(c.booked_amount, CASE WHEN c.currency = p.currency
                                                                       THEN least(c.amount, p.captured) ELSE p.captured END)
                                      ELSE c.booked_amount END), 0)::text AS blocked
             FROM chargebacks c WHERE c.payment_id = p.id) s
           ORDER BY p.position`,
    values: [
      payments.map(({ id }) => toUuid(id)),
      payments.map((payment) => capturedOf(payment).toString()),
      payments.map(({ currency }) => currency),
    ],
  });
  return rows.map(({ booked, blocked }) => ({ booked: BigInt(booked), blocked: BigInt(blocked) }));
}

/** As {@link sumChargebacksOf}, of one. */
export async function sumChargebacks(
  db: Queryable,
  payment: Pick<Payment, 'id' | 'amount' | 'capturedAmount' | 'currency'>,
): Promise<Disputed> {
  const [sums] = await sumChargebacksOf(db, [payment]);
  if (sums === undefined) throw new Error('a sum is missing');
  return sums;
}

/**
 * Takes, in turns, chargebacks that still have to be posted or reversed and made no progress for `graceMs`. Indexes:
 * chargebacks_due, chargebacks_pkey.
 */
export async function takeNeglectedChargebacks(db: Queryable, graceMs: number, limit: number): Promise<Chargeback[]> {
  const { rows } = await db.query<Row>({
    name: 'due-chargebacks',
    text: takeDue('chargebacks', CHARGEBACK_UNDER_WAY, COLUMNS),
    values: [graceMs, limit],
  });
  return rows.map(fromRow);
}

function fromRow(row: Row): Chargeback {
  return {
    id: fromUuid('cbk', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    paymentId: fromUuid('pay', row.payment_id),
    providerReference: row.provider_reference,
    amount: BigInt(row.amount),
    currency: row.currency,
    reason: row.reason,
    state: row.state,
    fee: row.fee === null ? undefined : { fee: BigInt(row.fee), tax: BigInt(row.fee_tax ?? '0') },
    booked: {
      amount: BigInt(row.booked_amount),
      fee: { fee: BigInt(row.booked_fee), tax: BigInt(row.booked_fee_tax) },
    },
    bookings: row.bookings,
    occurredAt: row.occurred_at,
    wonAt: row.won_at ?? undefined,
    wonAmount: row.won_amount === null ? undefined : BigInt(row.won_amount),
    lostAt: row.lost_at ?? undefined,
    reviewCode: row.review_code ?? undefined,
    providerSays: row.provider_says ?? undefined,
    reviews: row.reviews,
    resolutions: row.resolutions,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
