import type { Pool } from 'pg';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { storeEvent } from '../webhooks';
import { announce } from './announce';
import type { SettlementDeps } from './deps';
import { type Beat, type DayRef, forEachPage, runningRun } from './pages';
import { anchorOf, COMPLETED, periodOf } from './rules/completion';
import { type DaySummary, sumUpDay } from './rules/day-totals';
import { sealDay } from './seal-day';
import { recordPayouts } from './store/payouts';
import { checkStatements } from './store/settlement-checks';
import { claimItems, closeClaim } from './store/settlement-claim';
import { countUnposted, postStatements } from './store/settlement-postings';
import { computeStatements, NO_MERCHANT, readStatements } from './store/settlement-records';
import { type Breach, completeRun, endRun, findRun, lockInState, type SettlementRun } from './store/settlement-runs';

// The steps that settle a day after openDay, in order. Each can be repeated: what is done already stays as it is.

const ACTOR = 'settlement';
/** Items claimed by one query. */
const CLAIM_PAGE = 20_000;
/** Statements read by one query. */
const READ_PAGE = 1_000;

/** Claims everything that belongs to the day. @returns how many items are in it, and how many of them late */
export async function claimDay(pool: Pool, day: DayRef, beat: Beat): Promise<{ items: string; late: string }> {
  const run = await runningRun(pool, day);
  while ((await claimItems(pool, run.id, CLAIM_PAGE)) > 0) beat();
  await closeClaim(pool, run.id);
  const claimed = await findRun(pool, day.tenantId, day.date);
  return { items: String(claimed?.itemCount ?? 0n), late: String(claimed?.lateCount ?? 0n) };
}

/** Makes the statements. */
export async function computeDay(pool: Pool, day: DayRef, beat: Beat): Promise<void> {
  await forEachPage(pool, await runningRun(pool, day), beat, computeStatements);
}

/** Checks the statements against items, ledger and the day before. @returns the invariants that do not hold */
export async function checkDay(pool: Pool, day: DayRef, beat: Beat): Promise<Breach[]> {
  const found = new Map<string, Breach>();
  await forEachPage(pool, await runningRun(pool, day), beat, async (db, page) => {
    for (const breach of await checkStatements(db, page)) {
      if (!found.has(breach.invariant)) found.set(breach.invariant, breach);
    }
  });
  return [...found.values()];
}

class NotPosted extends Error {}

/** Posts settlements and payouts. @returns the invariants that do not hold; the page of a breach is not posted */
export async function postDay(pool: Pool, day: DayRef, beat: Beat): Promise<Breach[]> {
  const run = await runningRun(pool, day);
  try {
    await forEachPage(pool, run, beat, async (db, page) => {
      await postStatements(db, page);
      await recordPayouts(db, page);
      const unposted = await countUnposted(db, page);
      if (unposted > 0) throw new NotPosted(`${unposted} accounts differ`);
    });
    return [];
  } catch (error) {
    if (!(error instanceof NotPosted)) throw error;
    return [{ invariant: 'what is owed after the payout is what the statement closes with', detail: error.message }];
  }
}

/** Completes the run, writes the audit log, and publishes `settlement.completed`. */
export async function completeDay(deps: SettlementDeps, day: DayRef): Promise<DaySummary> {
  const { pool } = deps;
  const run = await findRun(pool, day.tenantId, day.date);
  if (run === undefined) throw new Error('the run is gone');
  const summary = await summarize(pool, run);
  if (run.state === 'completed') return summary;
  const seal = await sealDay(pool, run.id);
  const event = await inTransaction(pool, async (client) => {
    if (!(await lockInState(client, run.id, 'running'))) return undefined;
    const payload = { ...periodOf(run), attempt: run.attempt, ...summary, ...seal };
    const entry = { actor: ACTOR, action: COMPLETED, subject: run.id, payload };
    const audit = await appendAudit(client, day.tenantId, entry);
    await completeRun(client, run.id, { totalsHash: summary.totalsHash, audit });
    return storeEvent(client, {
      tenantId: day.tenantId,
      eventType: COMPLETED,
      eventId: `${COMPLETED}/${run.id}`,
      payload: { runId: run.id, date: day.date, timeZone: run.timeZone, ...summary, audit: anchorOf(audit) },
    });
  });
  if (event !== undefined) await announce(deps, event);
  deps.metrics.runs.inc({ outcome: 'completed' });
  return summary;
}

/** How a settlement ended without being completed. */
export interface HeldDay extends DayRef {
  state: 'failed' | 'needs_review';
  error: string;
  breaches: Breach[];
}

/** Ends the run as failed or for review, and publishes it. */
export async function holdDay(deps: SettlementDeps, day: HeldDay): Promise<void> {
  const { state, error, breaches } = day;
  const run = await findRun(deps.pool, day.tenantId, day.date);
  if (run === undefined) return;
  const event = await inTransaction(deps.pool, async (client) => {
    if (!(await endRun(client, run.id, { state, error, breaches }))) return undefined;
    const payload = { date: day.date, attempt: run.attempt, error, breaches };
    await appendAudit(client, day.tenantId, { actor: ACTOR, action: `settlement.${state}`, subject: run.id, payload });
    return storeEvent(client, {
      tenantId: day.tenantId,
      eventType: `settlement.${state}`,
      eventId: `settlement.${state}/${run.id}/${run.attempt}`,
      payload: { runId: run.id, ...payload },
    });
  });
  if (event !== undefined) await announce(deps, event);
  deps.metrics.runs.inc({ outcome: state });
  deps.log.error({ tenantId: day.tenantId, date: day.date, state, error, breaches }, 'a settlement did not complete');
}

async function summarize(pool: Pool, run: SettlementRun): Promise<DaySummary> {
  const sums = sumUpDay();
  let after = { merchantId: NO_MERCHANT, currency: '' };
  for (;;) {
    const statements = await readStatements(pool, run.id, after, READ_PAGE);
    for (const statement of statements) sums.add(statement);
    const last = statements.at(-1);
    if (last === undefined || statements.length < READ_PAGE) break;
    after = last;
  }
  const { totalsHash, totals } = sums.result();
  return { totalsHash, items: String(run.itemCount ?? 0n), late: String(run.lateCount ?? 0n), totals };
}
