import type { Pool } from 'pg';
import { newId, type PublicId } from '../../core/ids';
import { addDays, type Business, businessDay, requireBusiness } from '../merchants';
import { closedDate } from './requested-day';
import type { Statement } from './rules/statement';
import { inReport } from './store/report';
import { merchantPage, NO_MERCHANT, previewStatements, readStatements } from './store/settlement-records';
import { findRun, type SettlementRun } from './store/settlement-runs';

/** The most statements in an answer, and merchants in a page: each page reads all open items. */
const MAX_PREVIEWED = 10_000;

/** Before anything happened: nothing joins a closed claim. */
const NEVER = new Date(0);

/**
 * The statements of a day as they would be if it were settled, or continued, now; of a completed day, as they are.
 * Merchants that are set aside, or would be, have none. Nothing is claimed and nothing is written.
 *
 * @param wanted - `YYYY-MM-DD`; by default the last day that is over
 * @throws SettlementRefusal when the tenant is no business, or the day is not over
 */
export async function previewDay(
  { pool }: { pool: Pool },
  tenantId: PublicId,
  wanted: string | undefined,
): Promise<{ date: string; statements: Statement[] }> {
  const business = await requireBusiness(pool, tenantId);
  const date = closedDate(business, wanted);
  const run = await findRun(pool, tenantId, date);
  if (run?.state === 'completed') {
    const beginning = { merchantId: NO_MERCHANT, currency: '' };
    return { date, statements: await readStatements(pool, run.id, beginning, MAX_PREVIEWED) };
  }
  const period = await periodOf(pool, business, date, run);
  const runId = run?.id ?? newId('set');
  const statements: Statement[] = [];
  for (let after: PublicId = NO_MERCHANT; statements.length < MAX_PREVIEWED; ) {
    const { last } = await merchantPage(pool, tenantId, after, MAX_PREVIEWED);
    if (last === undefined) break;
    const page = { tenantId, runId, date, after, upTo: last };
    const more = await inReport(pool, (db) => previewStatements(db, page, period));
    statements.push(...more);
    after = last;
  }
  return { date, statements: statements.slice(0, MAX_PREVIEWED) };
}

/** From when on open items are not late, and up to when they would be claimed. */
async function periodOf(
  pool: Pool,
  business: Business,
  date: string,
  run: SettlementRun | undefined,
): Promise<{ start: Date; end: Date }> {
  const { start, end } = businessDay(date, business);
  const before = await findRun(pool, business.tenantId, addDays(date, -1));
  return { start: before?.periodEnd ?? start, end: run?.claimedAt === undefined ? (run?.periodEnd ?? end) : NEVER };
}
