import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { addDays, type Business, businessDay, findBusiness, lastClosedDate } from '../merchants';
import type { DayRef } from './pages';
import { NoBusiness, WrongDay } from './rules/errors';
import {
  ensureRun,
  findRun,
  lastCompletedDate,
  type RunState,
  type RunTrigger,
  startRun,
} from './store/settlement-runs';

/** The next day to settle. */
export interface NextDay {
  date: string;
  /** The state of its run; null when there is none yet. */
  state: RunState | null;
  /** Whether it is earlier than the day asked for: its own time was missed. */
  missed: boolean;
}

/** What a settlement begins with. */
export interface OpenedDay {
  runId: PublicId;
  state: RunState;
  /** Milliseconds to wait for what was being committed at the cut-off. */
  waitMs: number;
  periodStart: string;
  periodEnd: string;
}

/**
 * How far a worker's clock may lag behind that of Temporal or the API, which said that a day is over. Nothing is
 * claimed before its end all the same: the remaining time is waited for.
 */
const CLOCK_SKEW_MS = 300_000;

/**
 * The first unsettled day, up to `upTo` and the last day that was closed at `at`, an ISO moment; null when there is
 * none. Days are settled in order: a statement opens with what the day before closed with.
 *
 * @throws NoBusiness
 */
export async function nextUnsettledDay(
  db: Queryable,
  input: { tenantId: PublicId; upTo?: string; at?: string },
): Promise<NextDay | null> {
  const business = await businessToSettle(db, input.tenantId);
  const at = input.at === undefined ? new Date(Date.now() + CLOCK_SKEW_MS) : new Date(input.at);
  const closed = lastClosedDate(at, business);
  const upTo = input.upTo === undefined || input.upTo > closed ? closed : input.upTo;
  const last = await lastCompletedDate(db, input.tenantId);
  const date = last === undefined ? business.firstDate : addDays(last, 1);
  if (date > upTo) return null;
  const run = await findRun(db, input.tenantId, date);
  return { date, state: run?.state ?? null, missed: date < upTo };
}

/**
 * Creates the run of a day, or takes up the existing one, and says how long to wait for late commits.
 *
 * @throws NoBusiness, WrongDay
 */
export async function openDay(
  db: Queryable,
  input: DayRef & { trigger: RunTrigger; workflowId: string },
): Promise<OpenedDay> {
  const { tenantId, date } = input;
  const business = await businessToSettle(db, tenantId);
  const next = await nextUnsettledDay(db, { tenantId, upTo: date });
  const known = await findRun(db, tenantId, date);
  if (known?.state !== 'completed' && next?.date !== date) {
    throw new WrongDay(
      next === null
        ? `${date} is not over, or lies before the first day`
        : `${next.date} has to be settled before ${date}`,
    );
  }
  const day = businessDay(date, business);
  await ensureRun(db, { ...input, day, timeZone: business.timeZone });
  const run = await startRun(db, tenantId, date);
  if (run === undefined) throw new Error('the run is gone');
  const waitMs = run.claimedAt === undefined ? run.periodEnd.getTime() + business.graceMs - Date.now() : 0;
  return {
    runId: run.id,
    state: run.state,
    waitMs: Math.max(0, waitMs),
    periodStart: run.periodStart.toISOString(),
    periodEnd: run.periodEnd.toISOString(),
  };
}

async function businessToSettle(db: Queryable, tenantId: PublicId): Promise<Business> {
  const business = await findBusiness(db, tenantId);
  if (business === undefined) throw new NoBusiness('the tenant is no business');
  return business;
}
