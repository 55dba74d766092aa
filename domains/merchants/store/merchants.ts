import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';

/** A seller, who is paid out what was sold. */
export interface Merchant {
  id: PublicId;
  tenantId: PublicId;
  name: string;
  /** The share of each day's sales that is held back, in hundredths of a percent. */
  reserveBps: number;
  /** For how many days it is held. */
  reserveDays: number;
  /** Smaller sums are carried over, by currency. */
  payoutMinimum: PayoutMinimum[];
  createdAt: Date;
}

export interface PayoutMinimum {
  /** Minor units. */
  amount: bigint;
  /** Null: every other currency. Only merchants that were registered before amounts had a currency have it. */
  currency: string | null;
}

/** A merchant about to be registered. */
export interface NewMerchant extends Omit<Merchant, 'payoutMinimum' | 'createdAt'> {
  payoutMinimum: readonly { amount: bigint; currency: string }[];
}

interface Row {
  id: string;
  tenant_id: string;
  name: string;
  reserve_bps: number;
  reserve_days: number;
  payout_minimum: string;
  payout_minimums: { currency: string; amount: string }[] | null;
  created_at: Date;
}

/** Index: merchant_payout_minimums_pkey. */
const COLUMNS = `id, tenant_id, name, reserve_bps, reserve_days, payout_minimum, created_at,
  (SELECT json_agg(json_build_object('currency', m.currency, 'amount', m.amount::text) ORDER BY m.currency)
   FROM merchant_payout_minimums m WHERE m.merchant_id = merchants.id) AS payout_minimums`;

/**
 * Inserts a merchant; an existing one with the id stays as it is.
 *
 * @returns the merchant with that id; `undefined` when it belongs to another tenant
 */
export async function insertMerchant(db: Queryable, merchant: NewMerchant): Promise<Merchant | undefined> {
  await db.query({
    text: `WITH made AS (
             INSERT INTO merchants (id, tenant_id, name, reserve_bps, reserve_days)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING id
           )
           INSERT INTO merchant_payout_minimums (merchant_id, currency, amount)
           SELECT made.id, m.currency, m.amount FROM made, unnest($6::text[], $7::bigint[]) AS m(currency, amount)`,
    values: [
      toUuid(merchant.id),
      toUuid(merchant.tenantId),
      merchant.name,
      merchant.reserveBps,
      merchant.reserveDays,
      merchant.payoutMinimum.map(({ currency }) => currency),
      merchant.payoutMinimum.map(({ amount }) => amount.toString()),
    ],
  });
  return findMerchant(db, merchant.tenantId, merchant.id);
}

/** Index: merchants_pkey. */
export async function findMerchant(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Merchant | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-merchant',
    text: `SELECT ${COLUMNS} FROM merchants WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: merchants_by_tenant. */
export async function listMerchants(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<Merchant>> {
  const query = {
    columns: COLUMNS,
    table: 'merchants',
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'id' },
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

const SMALLEST = '1';

function fromRow(row: Row): Merchant {
  return {
    id: fromUuid('mer', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    name: row.name,
    reserveBps: row.reserve_bps,
    reserveDays: row.reserve_days,
    payoutMinimum: [
      ...(row.payout_minimums ?? []).map(({ currency, amount }) => ({ currency, amount: BigInt(amount) })),
      ...(row.payout_minimum === SMALLEST ? [] : [{ currency: null, amount: BigInt(row.payout_minimum) }]),
    ],
    createdAt: row.created_at,
  };
}
