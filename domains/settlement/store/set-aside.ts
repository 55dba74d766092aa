import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { PageOfRun } from './settlement-records';

/** Why a merchant is set aside: its sums do not fit into a statement, the database refuses them, or somebody said so. */
export const HOLD_REASONS = ['out_of_range', 'refused_by_database', 'by_hand'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** A merchant that is not settled until somebody says so. */
export interface Hold {
  merchantId: PublicId;
  reason: HoldReason;
  detail: string;
  since: Date;
}

interface Row {
  merchant_id: string;
  reason: HoldReason;
  detail: string;
  since: Date;
}

const COLUMNS = 'merchant_id, reason, detail, since';

/** Sets a merchant aside from the next statement on. @returns false when it is already: then nothing changes */
export async function insertHold(
  db: Queryable,
  hold: Omit<Hold, 'since'> & { tenantId: PublicId; actor: string },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'insert-settlement-hold',
    text: `INSERT INTO settlement_holds (merchant_id, tenant_id, reason, detail, actor) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (merchant_id) DO NOTHING`,
    values: [toUuid(hold.merchantId), toUuid(hold.tenantId), hold.reason, hold.detail, hold.actor],
  });
  return rowCount === 1;
}

/** Brings a merchant back, from the next claim on. @returns false when it was not set aside. Index: settlement_holds_pkey. */
export async function deleteHold(db: Queryable, tenantId: PublicId, merchantId: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'delete-settlement-hold',
    text: 'DELETE FROM settlement_holds WHERE merchant_id = $1 AND tenant_id = $2',
    values: [toUuid(merchantId), toUuid(tenantId)],
  });
  return rowCount === 1;
}

/** Index: settlement_holds_by_tenant. */
export async function listHolds(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<Hold>> {
  const index = { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'merchant_id' };
  return mapPage(await readPage<Row>(db, { columns: COLUMNS, table: 'settlement_holds', index }, request), toHold);
}

/** How many merchants of all tenants are set aside. */
export async function countHolds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-settlement-holds',
    text: 'SELECT count(*)::int AS count FROM settlement_holds',
  });
  return rows[0]?.count ?? 0;
}

/** Whether a merchant is set aside in a run, or was. Index: settlement_set_aside_pkey. */
export async function setAsideIn(db: Queryable, runId: PublicId, limit: number): Promise<Hold[]> {
  const { rows } = await db.query<Row>({
    name: 'set-aside-in-run',
    text: `SELECT ${COLUMNS} FROM settlement_set_aside WHERE run_id = $1 ORDER BY merchant_id LIMIT $2`,
    values: [toUuid(runId), limit],
  });
  return rows.map(toHold);
}

/** How many merchants a run sets aside. Index: settlement_set_aside_pkey. */
export async function countSetAside(db: Queryable, runId: PublicId): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-set-aside-in-run',
    text: 'SELECT count(*)::int AS count FROM settlement_set_aside WHERE run_id = $1',
    values: [toUuid(runId)],
  });
  return rows[0]?.count ?? 0;
}

/**
 * Has a run set aside the merchants of a page that have a hold, and no others. Whoever it has posted for already stays
 * in it: what was paid out cannot wait. Indexes: settlement_set_aside_pkey, settlement_holds_by_tenant,
 * settlement_records_pkey, ledger_transactions_pkey.
 *
 * @returns how many are set aside
 */
export async function setAsideHeld(db: Queryable, page: PageOfRun): Promise<number> {
  const values = [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo)];
  await db.query({
    text: 'DELETE FROM settlement_set_aside WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3',
    values,
  });
  const { rowCount } = await db.query({
    text: `INSERT INTO settlement_set_aside (run_id, ${COLUMNS})
           SELECT $1, h.merchant_id, h.reason, h.detail, h.since
           FROM settlement_holds h
           WHERE h.tenant_id = $4 AND h.merchant_id > $2 AND h.merchant_id <= $3 AND NOT EXISTS (
             SELECT FROM settlement_records r CROSS JOIN (VALUES ('settlement'), ('payout')) AS v(kind)
             JOIN ledger_transactions t ON t.id = md5(r.run_id::text || r.merchant_id::text || r.currency || v.kind)::uuid
             WHERE r.run_id = $1 AND r.merchant_id = h.merchant_id)`,
    values: [...values, toUuid(page.tenantId)],
  });
  return rowCount ?? 0;
}

/** What a run has claimed of the merchants of a page that it sets aside waits again. Index: settlement_items_by_run. */
export async function releaseItems(db: Queryable, page: PageOfRun): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE settlement_items i SET run_id = NULL, late = false
           FROM settlement_set_aside s
           WHERE s.run_id = $1 AND s.merchant_id > $2 AND s.merchant_id <= $3
             AND i.run_id = $1 AND i.merchant_id = s.merchant_id`,
    values: [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo)],
  });
  return rowCount ?? 0;
}

function toHold(row: Row): Hold {
  return { merchantId: fromUuid('mer', row.merchant_id), reason: row.reason, detail: row.detail, since: row.since };
}
