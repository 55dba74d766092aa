import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { sqlState } from '../../infra/postgres/errors';
import type { Queryable } from '../../infra/postgres/pool';
import { NotRunning } from './rules/errors';
import { inReport } from './store/report';
import { merchantPage, NO_MERCHANT, type PageOfRun } from './store/settlement-records';
import { findRun, type SettlementRun } from './store/settlement-runs';

/** Merchants whose statements are made by one query. */
const PAGE = 100;

/** How often long work shows that it goes on, well within the two minutes that Temporal waits for it. */
const BEAT_MS = 15_000;

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

/** Does work with a beat now and then: one statement of it may take longer than is waited for a sign of life. */
export async function beating<T>(beat: Beat, work: () => Promise<T>, everyMs = BEAT_MS): Promise<T> {
  const timer = setInterval(beat, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** What to do with every page of a tenant's merchants. */
export interface PageWork {
  /** In a transaction of its own, and again for each merchant alone when the database refuses the data of one. */
  each(db: Queryable, page: PageOfRun): Promise<void>;
  /** When the data of the page's only merchant is refused; in another transaction. */
  refused(db: Queryable, page: PageOfRun, error: Error): Promise<void>;
}

/** Does work for every page of the tenant's merchants, with a beat after each. */
export async function forEachPage(pool: Pool, run: SettlementRun, beat: Beat, work: PageWork): Promise<void> {
  await eachPage(pool, run, { after: NO_MERCHANT, upTo: undefined, size: PAGE }, async (page) => {
    await beating(beat, () => doPage(pool, run, page, work));
    beat();
  });
}

async function doPage(pool: Pool, run: SettlementRun, page: PageOfRun, work: PageWork): Promise<void> {
  try {
    await inReport(pool, (db) => work.each(db, page));
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    await eachPage(pool, run, { after: page.after, upTo: page.upTo, size: 1 }, async (alone) => {
      try {
        await inReport(pool, (db) => work.each(db, alone));
      } catch (cause) {
        if (!isRefusedData(cause)) throw cause;
        await inReport(pool, (db) => work.refused(db, alone, cause));
      }
    });
  }
}

async function eachPage(
  pool: Pool,
  run: SettlementRun,
  range: { after: PublicId; upTo: PublicId | undefined; size: number },
  work: (page: PageOfRun) => Promise<void>,
): Promise<void> {
  const { tenantId, id: runId, businessDate: date } = run;
  for (let after = range.after; after !== range.upTo; ) {
    const { last } = await merchantPage(pool, tenantId, after, range.size);
    if (last === undefined) return;
    await work({ tenantId, runId, date, after, upTo: last });
    after = last;
  }
}

/**
 * Whether the database refused a statement for the data that it would compute or store: a number out of range (class
 * 22), or a check (23514). Other broken constraints say nothing of one merchant's data.
 */
function isRefusedData(error: unknown): error is Error {
  const state = sqlState(error);
  return error instanceof Error && state !== undefined && (state.startsWith('22') || state === '23514');
}
