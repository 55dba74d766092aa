import { businessDay } from '../../../core/finance/business-day';
import { newId, type PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { Business } from '../../../store/finance/businesses';
import {
  merchantPage,
  NO_MERCHANT,
  previewRecords,
  REPORT_OPTIONS,
  type SettlementRecord,
} from '../../../store/finance/settlement-records';
import type { AppDeps } from '../../deps';

const PAGE = 100;

/** Statements at most in an answer. */
export const MAX_PREVIEWED = 10_000;

/** The statements of a day as they would be if it were settled now. Nothing is claimed and nothing is written. */
export async function previewDay(
  { pool }: Pick<AppDeps, 'pool'>,
  business: Business,
  date: string,
): Promise<SettlementRecord[]> {
  const { tenantId } = business;
  const period = businessDay(date, business);
  const records: SettlementRecord[] = [];
  const runId = newId('settlementRun');
  for (let after: PublicId = NO_MERCHANT; records.length < MAX_PREVIEWED; ) {
    const { last } = await merchantPage(pool, tenantId, after, PAGE);
    if (last === undefined) break;
    const page = { tenantId, runId, date, after, upTo: last };
    const more = await inTransaction(pool, async (client) => {
      await client.query(REPORT_OPTIONS);
      return previewRecords(client, page, period);
    });
    records.push(...more);
    after = last;
  }
  return records.slice(0, MAX_PREVIEWED);
}
