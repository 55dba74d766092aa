import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Sums of statements in one currency, in minor units. */
export interface CurrencyTotals {
  currency: string;
  merchants: string;
  grossSales: string;
  refunds: string;
  chargebacks: string;
  adjustments: string;
  fees: string;
  feeTax: string;
  net: string;
  paidOut: string;
}

export interface RunStatistics {
  total: number;
  completed: number;
  failed: number;
  needsReview: number;
  open: number;
  transactions: string;
  p95Seconds: number | null;
}

const SUMS = `currency, count(DISTINCT merchant_id)::text AS merchants, sum(gross_sales)::text AS "grossSales",
  sum(refunds)::text AS refunds, sum(chargebacks)::text AS chargebacks, sum(adjustments)::text AS adjustments,
  sum(fees)::text AS fees, sum(fee_tax)::text AS "feeTax", sum(net)::text AS net, sum(paid_out)::text AS "paidOut"`;

/** The totals of one run. Index: settlement_records_pkey. */
export async function totalsOfRun(db: Queryable, runId: PublicId): Promise<CurrencyTotals[]> {
  const { rows } = await db.query<CurrencyTotals>({
    name: 'settlement-totals',
    text: `SELECT ${SUMS} FROM settlement_records WHERE run_id = $1 GROUP BY currency ORDER BY currency`,
    values: [toUuid(runId)],
  });
  return rows;
}

/** The totals of the completed runs of some days. Indexes: settlement_runs by date, settlement_records_pkey. */
export async function totalsBetween(
  db: Queryable,
  tenantId: PublicId,
  from: string,
  to: string,
): Promise<CurrencyTotals[]> {
  const { rows } = await db.query<CurrencyTotals>({
    name: 'settlement-totals-between',
    text: `SELECT ${SUMS} FROM settlement_records
           WHERE run_id = ANY (ARRAY(SELECT id FROM settlement_runs WHERE tenant_id = $1 AND state = 'completed'
                                       AND business_date BETWEEN $2::date AND $3::date))
           GROUP BY currency ORDER BY currency`,
    values: [toUuid(tenantId), from, to],
  });
  return rows;
}

/** How the runs of some days went. Index: settlement_runs by tenant and date. */
export async function runStatistics(
  db: Queryable,
  tenantId: PublicId,
  from: string,
  to: string,
): Promise<RunStatistics> {
  const { rows } = await db.query<RunStatistics>({
    name: 'settlement-run-statistics',
    text: `SELECT count(*)::int AS total, count(*) FILTER (WHERE state = 'completed')::int AS completed,
                  count(*) FILTER (WHERE state = 'failed')::int AS failed,
                  count(*) FILTER (WHERE state = 'needs_review')::int AS "needsReview",
                  count(*) FILTER (WHERE state IN ('pending', 'running'))::int AS open,
                  coalesce(sum(item_count) FILTER (WHERE state = 'completed'), 0)::text AS transactions,
                  (percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
                     FILTER (WHERE state = 'completed'))::float8 AS "p95Seconds"
           FROM settlement_runs WHERE tenant_id = $1 AND business_date BETWEEN $2::date AND $3::date`,
    values: [toUuid(tenantId), from, to],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return row;
}
