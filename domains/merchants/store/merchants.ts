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
  /** Smaller sums, in minor units, are carried over. */
  payoutMinimum: bigint;
  createdAt: Date;
}

interface Row {
  id: string;
  tenant_id: string;
  name: string;
  reserve_bps: number;
  reserve_days: number;
  payout_minimum: string;
  created_at: Date;
}

const COLUMNS = 'id, tenant_id, name, reserve_bps, reserve_days, payout_minimum, created_at';

/**
 * Inserts a merchant; an existing one with the id stays as it is.
 *
 * @returns the merchant with that id; `undefined` when it belongs to another tenant
 */
export async function insertMerchant(
  db: Queryable,
  merchant: Omit<Merchant, 'createdAt'>,
): Promise<Merchant | undefined> {
  await db.query({
    text: `INSERT INTO merchants (id, tenant_id, name, reserve_bps, reserve_days, payout_minimum)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`,
    values: [
      toUuid(merchant.id),
      toUuid(merchant.tenantId),
      merchant.name,
      merchant.reserveBps,
      merchant.reserveDays,
      merchant.payoutMinimum.toString(),
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

function fromRow(row: Row): Merchant {
  return {
    id: fromUuid('mer', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    name: row.name,
    reserveBps: row.reserve_bps,
    reserveDays: row.reserve_days,
    payoutMinimum: BigInt(row.payout_minimum),
    createdAt: row.created_at,
  };
}
