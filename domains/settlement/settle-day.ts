import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { deliverEvents, type StoredEvent, storeEvent } from '../webhooks';
import type { SettlementDeps } from './deps';
import { type Beat, beating, type DayRef, forEachPage, type PageWork, runningRun } from './pages';
import { anchorOf, COMPLETED, periodOf } from './rules/completion';
import { type DaySummary, sumUpDay } from './rules/day-totals';
import { type DaySeal, sealDay } from './seal-day';
import { type Hindrance, leaveOut, setAside } from './set-aside';
import { recordPayouts } from './store/payouts';
import { inReport } from './store/report';
import { countSetAside } from './store/set-aside';
import { checkStatements } from './store/settlement-checks';
import { claimItems, closeClaim, recountClaim } from './store/settlement-claim';
import { countUnposted, postStatements } from './store/settlement-postings';
import { computeStatements, NO_MERCHANT, readStatements } from './store/settlement-records';
import { type Breach, completeRun, endRun, findRun, lockInState, type SettlementRun } from './store/settlement-runs';

// The steps that settle a day after openDay, in order. Each can be repeated: what is done already stays as it is.

const ACTOR = 'settlement';
/** Items claimed by one query. */
const CLAIM_PAGE = 20_000;
/** Statements read by one query. */
const READ_PAGE = 1_000;
const OUT_OF_RANGE = 'Sums of the day, or the balance, are beyond 10^18 minor units.';

/** Claims everything that belongs to the day. @returns how many items are in it, and how many of them late */
export async function claimDay(pool: Pool, day: DayRef, beat: Beat): Promise<{ items: string; late: string }> {
  const run = await runningRun(pool, day);
  while ((await claimItems(pool, run.id, CLAIM_PAGE)) > 0) beat();
  await beating(beat, () => inReport(pool, (db) => closeClaim(db, run.id)));
  const claimed = await findRun(pool, day.tenantId, day.date);
  return { items: String(claimed?.itemCount ?? 0n), late: String(claimed?.lateCount ?? 0n) };
}

/** Makes the statements. A merchant that cannot be settled is set aside. */
export async function computeDay(deps: SettlementDeps, day: DayRef, beat: Beat): Promise<void> {
  await settlePages(deps, day, beat, async (db, page) => {
    const held = await leaveOut(db, page);
    const unfit = await computeStatements(db, page);
    const hindrances = unfit.map((merchantId) => ({
      merchantId,
      reason: 'out_of_range' as const,
      detail: OUT_OF_RANGE,
    }));
    return { released: held > 0, hindrances };
  });
}

/** Checks the statements against items, ledger and the day before. @returns the invariants that do not hold */
export async function checkDay(pool: Pool, day: DayRef, beat: Beat): Promise<Breach[]> {
  const found = new Map<string, Breach>();
  await forEachPage(pool, await runningRun(pool, day), beat, {
    each: async (db, page) => {
      for (const breach of await checkStatements(db, page)) {
        if (!found.has(breach.invariant)) found.set(breach.invariant, breach);
      }
    },
    refused: async (_db, { upTo }, error) => {
      throw new Error(`the statements of ${upTo} cannot be checked: ${error.message}`, { cause: error });
    },
  });
  return [...found.values()];
}

class NotPosted extends Error {}

/**
 * Posts settlements and payouts. A merchant whose entries the database refuses is set aside.
 *
 * @returns the invariants that do not hold; the page of a breach is not posted
 */
export async function postDay(deps: SettlementDeps, day: DayRef, beat: Beat): Promise<Breach[]> {
  try {
    await settlePages(deps, day, beat, async (db, page) => {
      await postStatements(db, page);
      await recordPayouts(db, page);
      const unposted = await countUnposted(db, page);
      if (unposted > 0) throw new NotPosted(`${unposted} accounts differ`);
      return { released: false, hindrances: [] };
    });
    return [];
  } catch (error) {
    if (!(error instanceof NotPosted)) throw error;
    return [{ invariant: 'what is owed after the payout is what the statement closes with', detail: error.message }];
  }
}

/** What a step found out about a page: whether something that was claimed waits again, and who cannot be settled. */
interface PageOutcome {
  released: boolean;
  hindrances: Hindrance[];
}

/** Does a step for every page of merchants, and sets aside those who cannot be settled. */
async function settlePages(
  deps: SettlementDeps,
  day: DayRef,
  beat: Beat,
  step: (...page: Parameters<PageWork['each']>) => Promise<PageOutcome>,
): Promise<void> {
  const { pool } = deps;
  const run = await runningRun(pool, day);
  const events: StoredEvent[] = [];
  let released = false;
  const without = async (hindrances: readonly Hindrance[], ...[db, page]: Parameters<PageWork['each']>) => {
    events.push(...(await setAside(db, page, hindrances)));
    released = true;
  };
  try {
    await forEachPage(pool, run, beat, {
      each: async (db, page) => {
        const outcome = await step(db, page);
        if (outcome.released) released = true;
        if (outcome.hindrances.length > 0) await without(outcome.hindrances, db, page);
      },
      refused: (db, page, { message: detail }) =>
        without([{ merchantId: page.upTo, reason: 'refused_by_database', detail }], db, page),
    });
    if (released) await beating(beat, () => inReport(pool, (db) => recountClaim(db, run.id)));
  } finally {
    await deliverEvents(deps, events);
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
  const event = await inTransaction(pool, (client) => concludeRun(client, run, { summary, seal }));
  if (event !== undefined) await deliverEvents(deps, [event]);
  deps.metrics.runs.inc({ outcome: 'completed' });
  return summary;
}

/**
 * Completes a run in the caller's transaction: its entry in the audit log, and its event.
 *
 * @param seal - the hashes over what it consists of
 * @returns the event to deliver; undefined when it was not running
 */
export async function concludeRun(
  db: Queryable,
  run: SettlementRun,
  { summary, seal }: { summary: DaySummary; seal: DaySeal },
): Promise<StoredEvent | undefined> {
  if (!(await lockInState(db, run.id, 'running'))) return undefined;
  const { id: runId, tenantId, businessDate: date, timeZone } = run;
  const payload = { ...periodOf(run), attempt: run.attempt, ...summary, ...seal };
  const audit = await appendAudit(db, tenantId, { actor: ACTOR, action: COMPLETED, subject: runId, payload });
  await completeRun(db, runId, { totalsHash: summary.totalsHash, audit });
  return storeEvent(db, {
    tenantId,
    eventType: COMPLETED,
    eventId: `${COMPLETED}/${runId}`,
    payload: { runId, date, timeZone, ...summary, audit: anchorOf(audit) },
  });
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
  if (event !== undefined) await deliverEvents(deps, [event]);
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
  return {
    totalsHash,
    items: String(run.itemCount ?? 0n),
    late: String(run.lateCount ?? 0n),
    setAside: await countSetAside(pool, run.id),
    totals,
  };
}
