import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { accountIdSql } from '../../ledger';
import type { ItemKey } from '../rules/seal';
import { isCorrectedSql } from './settlement-corrections';
import { MOVES } from './settlement-postings';

const NO_UUID = '00000000-0000-0000-0000-000000000000';
const LAST_UUID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Something that a settled day was held against; `sql` selects what differs. */
interface Proof {
  problem: string;
  /** $1 run, $2 and $3 merchants after and up to, $4 tenant, $5 tenant as text. */
  sql: string;
}

// Each reads what belongs to one run and nothing older.
const PROOFS: readonly Proof[] = [
  {
    problem: 'statements are not the sums of the transactions',
    sql: `SELECT coalesce(r.merchant_id, s.merchant_id)::text || ' ' || coalesce(r.currency, s.currency) AS what
          FROM (SELECT * FROM settlement_records WHERE run_id = $1) AS r
          FULL JOIN (
            SELECT merchant_id, currency,
                   coalesce(sum(gross) FILTER (WHERE kind = 'capture'), 0) AS gross_sales,
                   coalesce(sum(gross) FILTER (WHERE kind = 'refund'), 0) AS refunds,
                   coalesce(sum(gross) FILTER (WHERE kind IN ('chargeback', 'chargeback_reversal')), 0) AS chargebacks,
                   coalesce(sum(gross) FILTER (WHERE kind = 'adjustment'), 0) AS adjustments,
                   sum(fee) AS fees, sum(fee_tax) AS fee_tax, count(*) AS items, count(*) FILTER (WHERE late) AS late
            FROM settlement_items WHERE run_id = $1 GROUP BY merchant_id, currency
          ) AS s ON s.merchant_id = r.merchant_id AND s.currency = r.currency
          WHERE r.run_id IS NULL OR r.tenant_id <> $4
             OR r.business_date <> (SELECT business_date FROM settlement_runs WHERE id = $1)
             OR (r.gross_sales, r.refunds, r.chargebacks, r.adjustments, r.fees, r.fee_tax, r.item_count, r.late_count)
                IS DISTINCT FROM
                (coalesce(s.gross_sales, 0), coalesce(s.refunds, 0), coalesce(s.chargebacks, 0), coalesce(s.adjustments, 0),
                 coalesce(s.fees, 0), coalesce(s.fee_tax, 0), coalesce(s.items, 0), coalesce(s.late, 0))`,
  },
  {
    problem: 'what is held back is not what the statements say',
    sql: `SELECT coalesce(r.merchant_id, s.merchant_id)::text || ' ' || coalesce(r.currency, s.currency) AS what
          FROM (SELECT * FROM settlement_records WHERE run_id = $1) AS r
          FULL JOIN (SELECT * FROM settlement_reserves WHERE run_id = $1) AS s
            ON s.merchant_id = r.merchant_id AND s.currency = r.currency
          WHERE coalesce(r.reserve_held, 0) <> coalesce(s.amount, 0)`,
  },
  {
    problem: 'what was given back of reserves is not what the statements say',
    sql: `SELECT coalesce(r.merchant_id, s.merchant_id)::text || ' ' || coalesce(r.currency, s.currency) AS what
          FROM (SELECT * FROM settlement_records WHERE run_id = $1) AS r
          FULL JOIN (SELECT merchant_id, currency, sum(amount) AS amount FROM settlement_reserves
                     WHERE released_run_id = $1 GROUP BY merchant_id, currency) AS s
            ON s.merchant_id = r.merchant_id AND s.currency = r.currency
          WHERE coalesce(r.reserve_released, 0) <> coalesce(s.amount, 0)`,
  },
  {
    problem: 'settlements and payouts in the ledger are not what the statements say',
    sql: `SELECT merchant_id::text || ' ' || currency AS what FROM (
            SELECT m.merchant_id, m.currency, m.transaction_id, count(*) AS moves,
                   count(*) FILTER (WHERE e.amount = m.amount) AS found
            FROM moves m
            LEFT JOIN ledger_entries e ON e.transaction_id = m.transaction_id AND e.account_id = m.account_id
            GROUP BY m.merchant_id, m.currency, m.transaction_id
          ) AS t
          WHERE t.moves <> t.found
             OR t.moves <> (SELECT count(*) FROM ledger_entries e WHERE e.transaction_id = t.transaction_id)`,
  },
];

/** A problem, how often there is, and one place where. */
export interface Disproved {
  problem: string;
  count: number;
  example: string;
}

/**
 * Holds what belongs to a settled run against each other. Indexes: settlement_records_pkey, settlement_items_by_run,
 * settlement_reserves_pkey, settlement_reserves_released, ledger_entries_pkey.
 *
 * @param db - one connection inside a transaction with `REPORT_OPTIONS`
 */
export async function disprove(db: Queryable, tenantId: PublicId, runId: PublicId): Promise<Disproved[]> {
  const found: Disproved[] = [];
  for (const { problem, sql } of PROOFS) {
    const { rows } = await db.query<{ what: string; count: number }>({
      text: `WITH ${MOVES}, bad AS (${sql}), used AS (SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text)
             SELECT (SELECT what FROM bad LIMIT 1) AS what, (SELECT count(*)::int FROM bad) AS count`,
      values: [toUuid(runId), NO_UUID, LAST_UUID, toUuid(tenantId), toUuid(tenantId)],
    });
    const [row] = rows;
    if (row !== undefined && row.count > 0) found.push({ problem, count: row.count, example: row.what });
  }
  return found;
}

const CORRECTED = isCorrectedSql({
  tenant: '$1::text::uuid',
  transaction: 'bad.transaction_id',
  net: 'bad.net',
  fee: 'bad.fee',
  feeTax: 'bad.fee_tax',
  pendingAccount: 'bad.pending',
  feeAccount: 'bad.fee_account',
  feeTaxAccount: 'bad.fee_tax_account',
});

const derived = (code: string) => accountIdSql({ tenant: '$1::text', code, currency: 'i.currency' });

/**
 * Holds some items of a run against the ledger's entries. What was corrected is right if it is so together with its
 * correction. Indexes: settlement_items_by_run, ledger_entries_pkey, ledger_transactions_tenant_id_kind_external_ref_key.
 *
 * @param range - the items after one, up to another
 * @returns how many differ, and one of them
 */
export async function itemsNotInLedger(
  db: Queryable,
  { tenantId, runId }: { tenantId: PublicId; runId: PublicId },
  range: { after: ItemKey | null; upTo: ItemKey },
): Promise<{ count: number; example: PublicId | undefined }> {
  const after = range.after ?? { merchant: NO_UUID, currency: '', transaction: NO_UUID };
  const { upTo } = range;
  const { rows } = await db.query<{ count: number; example: string | null }>({
    name: 'settlement-items-not-in-ledger',
    text: `WITH bad AS (
             SELECT i.transaction_id, i.net, i.fee, i.fee_tax, a.pending, a.fee AS fee_account, a.fee_tax AS fee_tax_account
             FROM settlement_items i
             CROSS JOIN LATERAL (
               SELECT ${derived("'merchant_pending:mer_' || replace(i.merchant_id::text, '-', '')")} AS pending,
                      ${derived("'fee_revenue'")} AS fee, ${derived("'fee_tax'")} AS fee_tax OFFSET 0
             ) AS a
             CROSS JOIN LATERAL (
               SELECT sum(e.amount) AS total, sum(e.amount) FILTER (WHERE e.account_id = a.pending) AS pending,
                      sum(e.amount) FILTER (WHERE e.account_id = a.fee) AS fee,
                      sum(e.amount) FILTER (WHERE e.account_id = a.fee_tax) AS fee_tax,
                      count(*) FILTER (WHERE e.currency <> i.currency) AS foreign_entries
               FROM ledger_entries e WHERE e.transaction_id = i.transaction_id
             ) AS e
             WHERE i.run_id = $2 AND (i.merchant_id, i.currency, i.transaction_id) > ($3, $4, $5)
               AND (i.merchant_id, i.currency, i.transaction_id) <= ($6, $7, $8)
               AND (e.total IS DISTINCT FROM 0 OR coalesce(e.pending, 0) <> -i.net OR coalesce(e.fee, 0) <> -i.fee
                    OR coalesce(e.fee_tax, 0) <> -i.fee_tax OR e.foreign_entries <> 0)
           ), left_over AS (
             SELECT transaction_id FROM bad WHERE NOT ${CORRECTED}
           )
           SELECT (SELECT count(*)::int FROM left_over) AS count, (SELECT transaction_id FROM left_over LIMIT 1) AS example`,
    values: [
      toUuid(tenantId),
      toUuid(runId),
      after.merchant,
      after.currency,
      after.transaction,
      upTo.merchant,
      upTo.currency,
      upTo.transaction,
    ],
  });
  const [row] = rows;
  const example = row?.example ?? undefined;
  return { count: row?.count ?? 0, example: example === undefined ? undefined : fromUuid('ltx', example) };
}

/**
 * Completed runs that the audit log does not have where they say that it has them; at most `limit`. Indexes:
 * settlement_runs_tenant_id_business_date_key, finance_audit_log_pkey.
 */
export async function runsNotInLog(
  db: Queryable,
  tenantId: PublicId,
  limit: number,
): Promise<{ id: PublicId; seq: number | null }[]> {
  const { rows } = await db.query<{ id: string; audit_seq: string | null }>({
    name: 'settlement-runs-not-in-log',
    text: `SELECT r.id, r.audit_seq FROM settlement_runs r
           LEFT JOIN finance_audit_log l ON l.tenant_id = r.tenant_id AND l.seq = r.audit_seq
           WHERE r.tenant_id = $1 AND r.state = 'completed' AND CASE WHEN r.audit_seq IS NULL
             -- Completed by a version that did not keep the place.
             THEN NOT EXISTS (SELECT FROM finance_audit_log e WHERE e.tenant_id = r.tenant_id
                              AND e.action = 'settlement.completed' AND e.subject = 'set_' || replace(r.id::text, '-', ''))
             ELSE l.hash IS DISTINCT FROM r.audit_hash OR l.action <> 'settlement.completed'
                  OR l.subject <> 'set_' || replace(r.id::text, '-', '') END
           ORDER BY r.business_date LIMIT $2`,
    values: [toUuid(tenantId), limit],
  });
  return rows.map(({ id, audit_seq: seq }) => ({ id: fromUuid('set', id), seq: seq === null ? null : Number(seq) }));
}
