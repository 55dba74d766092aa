import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Whether anything waits to be claimed by the day that ends at a moment. Index: settlement_items_open. */
export async function hasOpenItems(db: Queryable, tenantId: PublicId, end: Date): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>({
    name: 'has-open-settlement-items',
    text: `SELECT EXISTS (SELECT FROM settlement_items
                          WHERE tenant_id = $1 AND run_id IS NULL AND effective_at < $2) AS found`,
    values: [toUuid(tenantId), end],
  });
  return rows[0]?.found ?? true;
}

/**
 * Whether days, from one to another, have statements although nothing happens on them: balances of the day before,
 * reserves to give back, or merchants that are set aside. Indexes: settlement_records_pkey, merchants_by_tenant,
 * settlement_reserves_due, settlement_holds_by_tenant.
 */
export async function carriesOver(db: Queryable, tenantId: PublicId, from: string, to = from): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>({
    name: 'settlement-carries-over',
    text: `SELECT EXISTS (SELECT FROM settlement_records
                          WHERE closing <> 0 AND run_id = (SELECT id FROM settlement_runs
                                                           WHERE tenant_id = $1 AND business_date = $2::date - 1))
               OR EXISTS (SELECT FROM settlement_holds WHERE tenant_id = $1)
               OR EXISTS (SELECT FROM merchants m JOIN settlement_reserves s ON s.merchant_id = m.id
                          WHERE m.tenant_id = $1 AND s.released_run_id IS NULL AND s.release_on <= $3::date) AS found`,
    values: [toUuid(tenantId), from, to],
  });
  return rows[0]?.found ?? true;
}
