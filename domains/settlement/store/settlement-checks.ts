import { toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { accountIdSql } from '../../ledger';
import { isCorrectedSql } from './settlement-corrections';
import type { PageOfRun } from './settlement-records';
import type { Breach } from './settlement-runs';

/** The id of an account of the tenant, $6 in hex. */
function derived(code: string, currency = 'currency'): string {
  return accountIdSql({ tenant: '$6::text', code, currency });
}

const CORRECTED = isCorrectedSql({
  tenant: '$4',
  transaction: 'i.transaction_id',
  net: 'i.net',
  fee: 'i.fee',
  feeTax: 'i.fee_tax',
  pendingAccount: 'i.pending_account',
  feeAccount: 'i.fee_account',
  feeTaxAccount: 'i.fee_tax_account',
});

// Each is compared in full, by merchant and currency or by transaction; every difference must be exactly 0.
const CHECKS: readonly { invariant: string; sql: string }[] = [
  {
    invariant: 'every item is what the ledger says',
    // Written to have one sensible plan, whatever the statistics say: joining the accounts as well took ten times as
    // long on new tables. OFFSET 0 keeps the account ids from being derived again for every entry.
    sql: `SELECT i.transaction_id::text AS what
          FROM (
            SELECT transaction_id, currency, net, fee, fee_tax,
                   ${derived("'merchant_pending:mer_' || replace(merchant_id::text, '-', '')")} AS pending_account,
                   ${derived("'fee_revenue'")} AS fee_account, ${derived("'fee_tax'")} AS fee_tax_account
            FROM settlement_items WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3 OFFSET 0
          ) AS i
          LEFT JOIN LATERAL (
            SELECT sum(e.amount) AS total,
                   sum(e.amount) FILTER (WHERE e.account_id = i.pending_account) AS pending,
                   sum(e.amount) FILTER (WHERE e.account_id = i.fee_account) AS fee,
                   sum(e.amount) FILTER (WHERE e.account_id = i.fee_tax_account) AS fee_tax,
                   count(*) FILTER (WHERE e.currency <> i.currency) AS foreign_entries
            FROM ledger_entries e WHERE e.transaction_id = i.transaction_id
          ) AS e ON true
          WHERE (e.total IS DISTINCT FROM 0 OR coalesce(e.pending, 0) <> -i.net OR coalesce(e.fee, 0) <> -i.fee
                 OR coalesce(e.fee_tax, 0) <> -i.fee_tax OR e.foreign_entries <> 0) AND NOT ${CORRECTED}`,
  },
  {
    invariant: 'every statement is the sum of its items',
    sql: `SELECT coalesce(r.merchant_id, s.merchant_id)::text || ' ' || coalesce(r.currency, s.currency) AS what
          FROM (SELECT * FROM settlement_records WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3) AS r
          FULL JOIN (
            SELECT merchant_id, currency, sum(net) AS net, count(*) AS items, sum(gross) AS gross, sum(fee) AS fee,
                   sum(fee_tax) AS fee_tax
            FROM settlement_items WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3
            GROUP BY merchant_id, currency
          ) AS s ON s.merchant_id = r.merchant_id AND s.currency = r.currency
          WHERE r.run_id IS NULL OR r.item_count <> coalesce(s.items, 0)
             OR r.gross_sales + r.refunds + r.chargebacks + r.adjustments <> coalesce(s.gross, 0)
             OR r.fees <> coalesce(s.fee, 0) OR r.fee_tax <> coalesce(s.fee_tax, 0)
             OR r.net + r.reserve_held - r.reserve_released <> coalesce(s.net, 0)`,
  },
  {
    invariant: "every statement opens with the day before's closing",
    sql: `SELECT coalesce(r.merchant_id, b.merchant_id)::text || ' ' || coalesce(r.currency, b.currency) AS what
          FROM (SELECT merchant_id, currency, opening FROM settlement_records
                WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3) AS r
          FULL JOIN (
            SELECT b.merchant_id, b.currency, b.closing
            FROM settlement_records b JOIN settlement_runs y ON y.id = b.run_id
            WHERE y.tenant_id = $4 AND y.business_date = $5::date - 1 AND b.merchant_id > $2 AND b.merchant_id <= $3
          ) AS b ON b.merchant_id = r.merchant_id AND b.currency = r.currency
          WHERE coalesce(r.opening, 0) <> coalesce(b.closing, 0)`,
  },
  {
    invariant: 'what is owed to every merchant in the ledger is what the statement says',
    // The account's balance without what this run has posted itself, should it be checked again.
    sql: `SELECT r.merchant_id::text || ' ' || r.currency AS what
          FROM settlement_records r
          CROSS JOIN LATERAL (SELECT ${derived("'merchant_payable:mer_' || replace(r.merchant_id::text, '-', '')", 'r.currency')}
                                AS account_id OFFSET 0) AS payable
          WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3
            AND NOT EXISTS (SELECT FROM settlement_set_aside s WHERE s.run_id = $1 AND s.merchant_id = r.merchant_id)
            AND -r.opening <> coalesce((SELECT balance FROM ledger_balances WHERE account_id = payable.account_id), 0)
              - coalesce((
                SELECT sum(e.amount) FROM ledger_entries e
                WHERE e.account_id = payable.account_id AND e.transaction_id IN (
                  md5(r.run_id::text || r.merchant_id::text || r.currency || 'settlement')::uuid,
                  md5(r.run_id::text || r.merchant_id::text || r.currency || 'payout')::uuid)), 0)`,
  },
];

/** Checks a page of merchants of a run. @returns the invariants that do not hold; empty when all do */
export async function checkStatements(db: Queryable, page: PageOfRun): Promise<Breach[]> {
  const breaches: Breach[] = [];
  for (const { invariant, sql } of CHECKS) {
    const values = [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo), toUuid(page.tenantId), page.date];
    const { rows } = await db.query<{ what: string; count: number }>({
      text: `WITH bad AS (${sql}), used AS (SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::date, $6::text)
             SELECT (SELECT what FROM bad LIMIT 1) AS what, (SELECT count(*)::int FROM bad) AS count`,
      values: [...values, toUuid(page.tenantId)],
    });
    const [row] = rows;
    if (row !== undefined && row.count > 0) {
      breaches.push({ invariant, detail: `${row.count} do not hold, such as ${row.what}` });
    }
  }
  return breaches;
}
