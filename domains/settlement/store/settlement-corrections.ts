import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { accountIdSql } from '../../ledger';
import type { ItemDifference, PayableDifference } from '../rules/corrections';

/** SQL of an item and of what its ledger transaction should have. */
export interface ItemSql {
  /** A uuid. */
  tenant: string;
  transaction: string;
  net: string;
  fee: string;
  feeTax: string;
  /** The ids of the merchant's pending account and of those of fees and their tax. */
  pendingAccount: string;
  feeAccount: string;
  feeTaxAccount: string;
}

/**
 * The condition that an item, which is not what its ledger transaction says, is what that says together with its
 * correction. Indexes: ledger_transactions_tenant_id_kind_external_ref_key, ledger_entries_pkey.
 */
export function isCorrectedSql(item: ItemSql): string {
  const sumOf = (account: string) => `coalesce(sum(e.amount) FILTER (WHERE e.account_id = ${account}), 0)`;
  return `EXISTS (
    SELECT FROM ledger_transactions c JOIN ledger_entries e ON e.transaction_id IN (c.id, ${item.transaction})
    WHERE c.tenant_id = ${item.tenant} AND c.kind = 'correction'
      AND c.external_ref = 'ltx_' || replace(${item.transaction}::text, '-', '')
    HAVING count(*) > 0 AND ${sumOf(item.pendingAccount)} = -${item.net}
       AND ${sumOf(item.feeAccount)} = -${item.fee} AND ${sumOf(item.feeTaxAccount)} = -${item.feeTax})`;
}

const derived = (code: string) => accountIdSql({ tenant: '$2::text', code, currency: 'i.currency' });

/** Items of a run that are not what the ledger has, and have no correction; at most `limit`. Index: settlement_items_by_run. */
export async function itemDifferences(
  db: Queryable,
  tenantId: PublicId,
  runId: PublicId,
  limit: number,
): Promise<ItemDifference[]> {
  const { rows } = await db.query<
    Record<'id' | 'merchant_id' | 'currency' | 'pending' | 'fee' | 'fee_tax' | 'total', string>
  >({
    text: `SELECT i.transaction_id AS id, i.merchant_id, i.currency, -i.net - coalesce(e.pending, 0) AS pending,
                  -i.fee - coalesce(e.fee, 0) AS fee, -i.fee_tax - coalesce(e.fee_tax, 0) AS fee_tax,
                  coalesce(e.total, 0) AS total
           FROM (SELECT *, ${derived("'merchant_pending:mer_' || replace(i.merchant_id::text, '-', '')")} AS pending_account,
                        ${derived("'fee_revenue'")} AS fee_account, ${derived("'fee_tax'")} AS fee_tax_account
                 FROM settlement_items i WHERE run_id = $1 OFFSET 0) AS i
           CROSS JOIN LATERAL (
             SELECT sum(e.amount) AS total, sum(e.amount) FILTER (WHERE e.account_id = i.pending_account) AS pending,
                    sum(e.amount) FILTER (WHERE e.account_id = i.fee_account) AS fee,
                    sum(e.amount) FILTER (WHERE e.account_id = i.fee_tax_account) AS fee_tax,
                    count(*) FILTER (WHERE e.currency <> i.currency) AS foreign_entries
             FROM ledger_entries e WHERE e.transaction_id = i.transaction_id
           ) AS e
           WHERE (e.total IS DISTINCT FROM 0 OR coalesce(e.pending, 0) <> -i.net OR coalesce(e.fee, 0) <> -i.fee
                  OR coalesce(e.fee_tax, 0) <> -i.fee_tax OR e.foreign_entries <> 0)
             AND NOT EXISTS (SELECT FROM ledger_transactions c WHERE c.tenant_id = $2::text::uuid AND c.kind = 'correction'
                             AND c.external_ref = 'ltx_' || replace(i.transaction_id::text, '-', ''))
           LIMIT $3`,
    values: [toUuid(runId), toUuid(tenantId), limit],
  });
  return rows.map((row) => ({
    transactionId: fromUuid('ltx', row.id),
    merchantId: fromUuid('mer', row.merchant_id),
    currency: row.currency,
    pending: BigInt(row.pending),
    fee: BigInt(row.fee),
    feeTax: BigInt(row.fee_tax),
    total: BigInt(row.total),
  }));
}

const PAYABLE = "'merchant_payable:mer_' || replace(r.merchant_id::text, '-', '')";

/**
 * Statements of a run that do not open with what the ledger owes the merchant, or would not close with it; at most
 * `limit`. Indexes: settlement_records_pkey, ledger_entries_by_account.
 */
export async function payableDifferences(
  db: Queryable,
  tenantId: PublicId,
  runId: PublicId,
  limit: number,
): Promise<PayableDifference[]> {
  const { rows } = await db.query<Record<'merchant_id' | 'currency' | 'opening' | 'closing', string>>({
    text: `SELECT * FROM (
             SELECT r.merchant_id, r.currency, -r.opening - p.before AS opening,
                    CASE WHEN own.posted THEN -r.closing ELSE -r.opening END - p.total + r.opening + p.before AS closing
             FROM settlement_records r JOIN settlement_runs run ON run.id = r.run_id
             CROSS JOIN LATERAL (
               SELECT coalesce(sum(e.amount), 0) AS total,
                      coalesce(sum(e.amount) FILTER (WHERE t.effective_at < run.period_end), 0) AS before
               FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
               WHERE e.account_id = ${accountIdSql({ tenant: '$2::text', code: PAYABLE, currency: 'r.currency' })}
             ) AS p
             CROSS JOIN LATERAL (
               SELECT EXISTS (SELECT FROM ledger_transactions t WHERE t.tenant_id = r.tenant_id
                 AND t.kind IN ('settlement', 'payout') AND t.external_ref = 'set_' || replace(r.run_id::text, '-', '')
                   || '/mer_' || replace(r.merchant_id::text, '-', '') || '/' || r.currency) AS posted
             ) AS own
             WHERE r.run_id = $1
           ) AS d WHERE opening <> 0 OR closing <> 0 LIMIT $3`,
    values: [toUuid(runId), toUuid(tenantId), limit],
  });
  return rows.map((row) => ({
    merchantId: fromUuid('mer', row.merchant_id),
    currency: row.currency,
    opening: BigInt(row.opening),
    closing: BigInt(row.closing),
  }));
}
