import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import { accountIdSql } from '../../domains/ledger';

const ROWS_A_STATEMENT = 50_000;

/** The id of an account of the tenant, $2 as text, in euros. */
const accountIn = (code: string) => accountIdSql({ tenant: '$2::text', code, currency: "'EUR'" });

/** What is loaded into a business day. */
export interface DayOfSales {
  tenantId: string;
  feeScheduleId: string;
  /** The day's period. */
  start: Date;
  end: Date;
  transactions: number;
}

/** Makes merchants and the accounts that their captures are posted to. */
export async function addMerchants(pool: Pool, tenantId: string, count: number): Promise<void> {
  const tenant = toUuid(tenantId);
  await pool.query(
    `INSERT INTO merchants (id, tenant_id, name)
     SELECT (left(replace($1::uuid::text, '-', ''), 12) || '7000' || '8' || right($1::uuid::text, 7) || lpad(to_hex(i), 8, '0'))::uuid, $1, 'Merchant ' || i
     FROM generate_series(1, $2::int) i`,
    [tenant, count],
  );
  await pool.query(
    `INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
     SELECT ${accountIn('code')}, $1, code, type, 'EUR' FROM (
       SELECT 'merchant_pending:mer_' || replace(id::text, '-', '') AS code, 'liability' AS type
       FROM merchants WHERE tenant_id = $1
       UNION ALL VALUES ('psp_clearing', 'asset'), ('fee_revenue', 'revenue'), ('fee_tax', 'liability')) AS a`,
    [tenant, tenant],
  );
}

// A fee of 3 % and 0.20 with 15 % tax on it, of amounts that need no rounding. Ids ascend with time, as in production.
const ADD_SALES = `
WITH sale AS MATERIALIZED (
  SELECT (lpad(to_hex((extract(epoch FROM $3::timestamptz) * 1000)::bigint), 12, '0') || '70008'
            || right($1::uuid::text, 7) || lpad(to_hex(i), 8, '0'))::uuid AS id,
         m.id AS merchant_id, $3::timestamptz + ($4::timestamptz - $3::timestamptz) * (i::float8 / ($7::float8 + 1)) AS at,
         2000 * (1 + i % 50)::bigint AS amount, 60 * (1 + i % 50)::bigint + 20 AS fee, 9 * (1 + i % 50)::bigint + 3 AS tax
  FROM generate_series($5::int, $6::int) AS i
  JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n, count(*) OVER () AS of FROM merchants WHERE tenant_id = $1) m
    ON m.n = i % m.of
), transactions AS (
  INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, fee_schedule_id, effective_at)
  SELECT id, $1, 'capture', 'pay_' || replace(id::text, '-', ''), merchant_id, $8, at FROM sale
), entries AS (
  INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
  SELECT s.id, ${accountIn('e.code')}, 'EUR', e.amount
  FROM sale s CROSS JOIN LATERAL (VALUES
    ('psp_clearing', s.amount),
    ('merchant_pending:mer_' || replace(s.merchant_id::text, '-', ''), -(s.amount - s.fee - s.tax)),
    ('fee_revenue', -s.fee), ('fee_tax', -s.tax)) AS e(code, amount)
)
INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net, effective_at)
SELECT id, $1, merchant_id, 'EUR', 'capture', amount, fee, tax, amount - fee - tax, at FROM sale`;

/**
 * Posts a day's sales in a few statements, with the triggers and foreign keys that check each row off: the settlement
 * checks the sums again.
 */
export async function addSales(pool: Pool, day: DayOfSales): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SET session_replication_role = replica');
    for (let from = 1; from <= day.transactions; from += ROWS_A_STATEMENT) {
      await client.query(ADD_SALES, [
        toUuid(day.tenantId),
        toUuid(day.tenantId),
        day.start,
        day.end,
        from,
        Math.min(day.transactions, from + ROWS_A_STATEMENT - 1),
        day.transactions,
        toUuid(day.feeScheduleId),
      ]);
    }
    await client.query('SET session_replication_role = origin');
    await client.query('ANALYZE');
    await client.query('CHECKPOINT');
  } finally {
    client.release();
  }
}
