import { heartbeat } from '@temporalio/activity';
import type { Pool } from 'pg';
import { type DayRef, forEachPage, runningRun } from './pages';
import { claimItems, closeClaim } from './store/settlement-claim';
import { computeRecords } from './store/settlement-records';
import { findRun } from './store/settlement-runs';

/** Items that are claimed by one statement. */
const CLAIM_PAGE = 20_000;

export async function claimDay(pool: Pool, day: DayRef): Promise<{ items: string; late: string }> {
  const run = await runningRun(pool, day);
  while ((await claimItems(pool, run.id, CLAIM_PAGE)) > 0) heartbeat();
  await closeClaim(pool, run.id);
  const claimed = await findRun(pool, day.tenantId, day.date);
  return { items: String(claimed?.itemCount ?? 0n), late: String(claimed?.lateCount ?? 0n) };
}

export async function computeDay(pool: Pool, day: DayRef): Promise<void> {
  await forEachPage(pool, await runningRun(pool, day), computeRecords);
}
