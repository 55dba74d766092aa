import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { NotRunning } from './rules/errors';
import { merchantPage, NO_MERCHANT, type PageOfRun, REPORT_OPTIONS } from './store/settlement-records';
import { findRun, type SettlementRun } from './store/settlement-runs';

/** Merchants whose statements are made by one query. */
const PAGE = 100;

/** Names the settlement of a day. */
export interface DayRef {
  tenantId: PublicId;
  /** `YYYY-MM-DD` */
  date: string;
}

/** Called repeatedly by long work, to show whoever waits for it that it is still going on. */
export type Beat = () => void;

/** The run that a step belongs to. @throws NotRunning */
export async function runningRun(db: Queryable, day: DayRef): Promise<SettlementRun> {
  const run = await findRun(db, day.tenantId, day.date);
  if (run?.state === 'running') return run;
  throw new NotRunning(`the run of ${day.date} is ${run?.state ?? 'gone'}`);
}

/** Does `work` for every page of the tenant's merchants, each in a transaction of its own, with a beat after each. */
export async function forEachPage(
  pool: Pool,
  run: SettlementRun,
  beat: Beat,
  work: (db: Queryable, page: PageOfRun) => Promise<void>,
): Promise<void> {
  for (let after: PublicId = NO_MERCHANT; ; ) {
    const { last } = await merchantPage(pool, run.tenantId, after, PAGE);
    if (last === undefined) return;
    const page = { tenantId: run.tenantId, runId: run.id, date: run.businessDate, after, upTo: last };
    await inTransaction(pool, async (client) => {
      await client.query(REPORT_OPTIONS);
      await work(client, page);
    });
    beat();
    after = last;
  }
}
