import { toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { accountIdSql } from '../../ledger';
import type { PageOfRun } from './settlement-records';

// Ids are derived from run, merchant, currency and kind, and references are unique, so posting again adds nothing.
// Accounts and signs are those of domains/ledger/rules/postings.ts; one statement makes thousands of entries.
// $1 run, $2 and $3 merchants after and up to, $4 tenant, $5 tenant as text
export const MOVES = `
moves AS MATERIALIZED (
  SELECT md5(r.run_id::text || r.merchant_id::text || r.currency || v.kind)::uuid AS transaction_id, v.kind, v.code,
         ${accountIdSql({ tenant: '$5::text', code: 'v.code', currency: 'r.currency' })} AS account_id,
         r.merchant_id, r.currency, v.amount,
         run.period_end AS effective_at,
         'set_' || replace(r.run_id::text, '-', '') || '/mer_' || replace(r.merchant_id::text, '-', '') || '/' || r.currency
           AS external_ref
  FROM settlement_records r
  JOIN settlement_runs run ON run.id = r.run_id
  CROSS JOIN LATERAL (SELECT ':mer_' || replace(r.merchant_id::text, '-', '') AS merchant) AS m
  CROSS JOIN LATERAL (VALUES
    ('settlement', 'merchant_pending' || m.merchant, r.net + r.reserve_held - r.reserve_released),
    ('settlement', 'merchant_payable' || m.merchant, -r.net),
    ('settlement', 'merchant_reserve' || m.merchant, r.reserve_released - r.reserve_held),
    ('payout', 'merchant_payable' || m.merchant, r.paid_out),
    ('payout', 'bank_in_transit', -r.paid_out)
  ) AS v(kind, code, amount)
  WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3 AND v.amount <> 0
)`;

/** Posts settlements and payouts of a page of merchants, and holds and releases reserves. A repeat adds nothing. */
export async function postStatements(db: Queryable, page: PageOfRun): Promise<void> {
  const values = [
    toUuid(page.runId),
    toUuid(page.after),
    toUuid(page.upTo),
    toUuid(page.tenantId),
    toUuid(page.tenantId),
  ];
  await db.query({
    text: `WITH ${MOVES}
           INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
           SELECT DISTINCT account_id, $4::uuid, code, CASE code WHEN 'bank_in_transit' THEN 'asset' ELSE 'liability' END,
                  currency
           FROM moves ORDER BY account_id ON CONFLICT DO NOTHING`,
    values,
  });
  await db.query({
    text: `WITH ${MOVES}, posted AS (
             INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
             SELECT DISTINCT transaction_id, $4::uuid, kind, external_ref, merchant_id, effective_at FROM moves
             ORDER BY transaction_id
             ON CONFLICT DO NOTHING RETURNING id
           )
           INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
           SELECT m.transaction_id, m.account_id, m.currency, m.amount FROM moves m JOIN posted ON posted.id = m.transaction_id`,
    values,
  });
  await db.query({
    text: `INSERT INTO settlement_reserves (run_id, merchant_id, currency, amount, release_on)
           SELECT r.run_id, r.merchant_id, r.currency, r.reserve_held, r.business_date + m.reserve_days
           FROM settlement_records r JOIN merchants m ON m.id = r.merchant_id
           WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3 AND r.reserve_held > 0
           ON CONFLICT DO NOTHING`,
    values: values.slice(0, 3),
  });
  await db.query({
    text: `UPDATE settlement_reserves s SET released_run_id = $1
           FROM settlement_records r
           WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3 AND r.reserve_released > 0
             AND s.merchant_id = r.merchant_id AND s.currency = r.currency AND s.release_on <= r.business_date
             AND s.released_run_id IS NULL AND s.run_id <> $1`,
    values: values.slice(0, 3),
  });
}

const PAYABLE = "'merchant_payable:mer_' || replace(r.merchant_id::text, '-', '')";

/**
 * How many statements of a page differ in their closing from the merchant's payable account. Merchants that are set
 * aside have nothing posted. Index: ledger_balances_pkey.
 */
export async function countUnposted(db: Queryable, page: PageOfRun): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM settlement_records r
           WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3
             AND NOT EXISTS (SELECT FROM settlement_set_aside s WHERE s.run_id = $1 AND s.merchant_id = r.merchant_id)
             AND -r.closing <> coalesce((
               SELECT balance FROM ledger_balances
               WHERE account_id = ${accountIdSql({ tenant: '$4::text', code: PAYABLE, currency: 'r.currency' })}), 0)`,
    values: [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo), toUuid(page.tenantId)],
  });
  return rows[0]?.count ?? 0;
}
