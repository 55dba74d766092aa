import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { type CurrencyTotals, type RunStatistics, runStatistics, totalsBetween } from './store/settlement-stats';
import { type DateRange, summaryDays } from './summary-days';

/** What the settlements of some days came to. */
export interface SettlementSummary extends DateRange {
  runs: Pick<RunStatistics, 'total' | 'completed' | 'failed' | 'needsReview' | 'open'>;
  /** The share of ended runs that completed, 0 to 1; null when none ended. */
  successRate: number | null;
  /** The 95th percentile of the seconds from start to completion; null when none completed. */
  p95Seconds: number | null;
  /** How many transactions are in the completed ones. */
  transactions: string;
  totals: CurrencyTotals[];
}

/**
 * Sums up the settlements of some days, by default of the last 31. `from` and `to` are dates, both included.
 *
 * @throws SettlementRefusal `too-many-days`, `no-days`
 */
export async function summarizeSettlements(
  db: Queryable,
  tenantId: PublicId,
  days: { from?: string | undefined; to?: string | undefined },
): Promise<SettlementSummary> {
  const { from, to } = summaryDays(days, new Date());
  const { transactions, p95Seconds, ...runs } = await runStatistics(db, tenantId, from, to);
  const ended = runs.completed + runs.failed + runs.needsReview;
  return {
    from,
    to,
    runs,
    successRate: ended === 0 ? null : runs.completed / ended,
    p95Seconds,
    transactions,
    totals: await totalsBetween(db, tenantId, from, to),
  };
}
