import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Fee } from '../../merchants';
import {
  CHARGEBACK_MOVES,
  CHARGEBACK_UNDER_WAY,
  type ChargebackMove,
  type ChargebackState,
} from '../rules/chargeback-states';
import { takeNeglected } from './neglected';

/** Money that a card's bank took back. `won`: posted, then decided for the merchant, and about to be reversed. */
export interface Chargeback {
  id: PublicId;
  tenantId: PublicId;
  paymentId: PublicId;
  /** The provider's name for it. */
  providerReference: string;
  amount: bigint;
  currency: string;
  reason: string;
  state: ChargebackState;
  /** What the merchant pays for it. */
  fee: Fee | undefined;
  occurredAt: Date;
  wonAt: Date | undefined;
  workflowId: string;
  createdAt: Date;
  updatedAt: Date;
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
  occurred_at: Date;
  won_at: Date | null;
  workflow_id: string;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `id, tenant_id, payment_id, provider_reference, amount, currency, reason, state, fee, fee_tax, occurred_at,
  won_at, workflow_id, created_at, updated_at`;

export type NewChargeback = Pick<
  Chargeback,
  'id' | 'tenantId' | 'paymentId' | 'providerReference' | 'amount' | 'currency' | 'reason' | 'occurredAt' | 'workflowId'
>;

/** Stores a chargeback, once; a repeat returns the stored one. Index: chargebacks_provider_reference_key. */
export async function insertChargeback(db: Queryable, chargeback: NewChargeback): Promise<Chargeback> {
  await db.query({
    text: `INSERT INTO chargebacks (id, tenant_id, payment_id, provider_reference, amount, currency, reason, occurred_at,
                                    workflow_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (provider_reference) DO NOTHING`,
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
  const kept = await findByReference(db, chargeback.providerReference);
  if (kept === undefined) throw new Error('a chargeback was neither kept nor found');
  return kept;
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
    columns: COLUMNS,
    table: 'chargebacks',
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'id' },
    filter: [
      ...(filter.state === undefined ? [] : [['state = ?', filter.state] as const]),
      ...(filter.paymentId === undefined ? [] : [['payment_id = ?', toUuid(filter.paymentId)] as const]),
    ],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/**
 * Moves a chargeback to another state.
 *
 * @param fee - what the merchant pays for it, if the move sets it
 * @returns the chargeback after the move; `undefined` when its state does not allow it
 */
export async function moveChargeback(
  db: Queryable,
  id: PublicId,
  move: ChargebackMove,
  fee?: Fee,
): Promise<Chargeback | undefined> {
  const { from, to } = CHARGEBACK_MOVES[move];
  const { rows } = await db.query<Row>({
    text: `UPDATE chargebacks
           SET state = $3, fee = coalesce($4, fee), fee_tax = coalesce($5, fee_tax), updated_at = now()
           WHERE id = $1 AND state = ANY ($2) RETURNING ${COLUMNS}`,
    values: [toUuid(id), from, to, fee?.fee.toString(), fee?.tax.toString()],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Records, once, that a dispute was decided for the merchant. A posted chargeback becomes `won`; for one that is not
 * posted yet, only the moment is stored.
 *
 * @returns the chargeback; `undefined` when the reference is unknown
 */
export async function markChargebackWon(
  db: Queryable,
  providerReference: string,
  at: Date,
): Promise<Chargeback | undefined> {
  const { from, to } = CHARGEBACK_MOVES.win;
  await db.query({
    text: `UPDATE chargebacks
           SET won_at = $2, state = CASE WHEN state = ANY ($3) THEN $4 ELSE state END, updated_at = now()
           WHERE provider_reference = $1 AND won_at IS NULL`,
    values: [providerReference, at, from, to],
  });
  return findByReference(db, providerReference);
}

async function findByReference(db: Queryable, providerReference: string): Promise<Chargeback | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM chargebacks WHERE provider_reference = $1`,
    values: [providerReference],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Whether a payment was charged back and not reversed since. Index: chargebacks_by_payment. */
export async function hasOpenChargeback(db: Queryable, paymentId: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: "SELECT FROM chargebacks WHERE payment_id = $1 AND state <> 'reversed' LIMIT 1",
    values: [toUuid(paymentId)],
  });
  return rowCount === 1;
}

/**
 * Takes, in turns, chargebacks that still have to be posted or reversed and have not changed for `graceMs`. Indexes:
 * chargebacks_open, chargebacks_pkey.
 */
export async function takeNeglectedChargebacks(db: Queryable, graceMs: number, limit: number): Promise<Chargeback[]> {
  const { rows } = await db.query<Row>({
    name: 'neglected-chargebacks',
    text: takeNeglected('chargebacks', CHARGEBACK_UNDER_WAY, COLUMNS),
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
    occurredAt: row.occurred_at,
    wonAt: row.won_at ?? undefined,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
