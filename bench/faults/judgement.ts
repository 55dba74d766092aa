import type { ArrivalsReport } from '../kit/arrivals';
import type { BacklogWatch } from '../kit/backlog';
import type { Stack } from '../kit/stack';
import { round } from '../kit/statistics';
import { countDuplicates, type Settlement, settle } from './follow-up';
import { recoveredAfterMs } from './recovery';
import type { Acknowledged, SteadyLoad } from './steady-load';
import { countUnderWay, readRecords } from './under-way';

/** An endpoint of the run, and the receiver's number for it. */
export interface FaultEndpoint {
  id: string;
  number: number;
}

export interface FaultEndpoints {
  /** Answers always. */
  steady: FaultEndpoint;
  /** Answers a share of all requests with 500. */
  flaky: FaultEndpoint;
  /** Refuses connections for a while during every fault. */
  mortal: FaultEndpoint;
}

/** What a fault left behind. Deliveries are counted, not messages: each message has one for every endpoint. */
export interface FaultResult extends Omit<Settlement, 'lostBecause'> {
  /** Messages that were answered 202. */
  acknowledged: number;
  duplicates: number;
  /**
   * Attempts under way when it went: received before the restart, and recorded only after it was gone, if at all. Where
   * it is given, no more than these may come in twice.
   */
  underWay?: number;
  duplicatesBounded?: boolean;
  /**
   * From the restart until new messages were accepted and received within a second at p95 again, at the endpoint that
   * never fails; null when that did not happen while the load ran.
   */
  secondsToRecover: number | null;
  /** From the restart until no delivery, retries included, was overdue by more than a second. */
  secondsToClearBacklog: number | null;
  /** From the restart until each delivery acknowledged before it had ended; null while some have not. */
  secondsToSettle: number | null;
  /** Publishes that were retried, messages not acknowledged in time, and 4xx answers. */
  retriedPublishes: number;
  givenUp: number;
  refused: number;
  /** Circuits that were open when it went. */
  openCircuits?: number;
  /** Processes that ended by themselves. */
  unexpectedExits: string[];
  lostBecause?: Record<string, number>;
}

/** A fault that has happened. Moments are on the run's clock, `…Date` in milliseconds since the epoch. */
export interface Evidence {
  step: number;
  perSecond: number;
  load: SteadyLoad;
  backlog: BacklogWatch;
  /** When all that was killed together was gone; undefined where things were killed at different times. */
  goneDate: number | undefined;
  /** Circuits that were open before it went, where the fault is about them. */
  openCircuits?: number;
  restartedAt: number;
  restartedDate: number;
  stoppedAt: number;
  unexpectedExits: string[];
}

/**
 * Compares what was promised with what the database and the receiver have.
 *
 * @param options - `forgottenAfterMs`: how late an open delivery may be before the sweep has failed to find it;
 *   `boundDuplicates`: compare the duplicates with the attempts that were under way when it went
 */
export async function judge(
  stack: Stack,
  endpoints: FaultEndpoints,
  evidence: Evidence,
  { forgottenAfterMs, boundDuplicates }: { forgottenAfterMs: number; boundDuplicates: boolean },
): Promise<FaultResult> {
  const { load, backlog, restartedAt, stoppedAt } = evidence;
  const { acknowledged, beganAt } = load;
  const report = await stack.receiver.arrivals(evidence.step);
  const arrivals = new Map<string, ArrivalsReport>();
  for (const { id, number } of Object.values(endpoints)) arrivals.set(id, report(number));
  const { lostBecause, ...settlement } = await settle({ pool: stack.pool, acknowledged, arrivals, forgottenAfterMs });
  const steady = report(endpoints.steady.number);
  const sent = { beganAt, perSecond: evidence.perSecond };
  const early = acknowledged.filter(({ acknowledgedAt }) => acknowledgedAt < restartedAt);
  const duplicates = countDuplicates(arrivals.values());
  const underWay = boundDuplicates ? await underWayAt(stack, evidence, arrivals) : undefined;
  return {
    acknowledged: acknowledged.length,
    ...settlement,
    duplicates,
    ...(underWay === undefined ? {} : { underWay, duplicatesBounded: duplicates <= underWay }),
    secondsToRecover: seconds(
      recoveredAfterMs({ from: restartedAt, until: stoppedAt, sent, acknowledged, arrivals: steady }),
    ),
    secondsToClearBacklog: seconds(backlog.clearAfterMs(restartedAt)),
    secondsToSettle: seconds(await endedAfterMs(stack, early, evidence.restartedDate)),
    retriedPublishes: load.retries,
    givenUp: load.givenUp,
    refused: [...load.refused.values()].reduce((sum, count) => sum + count, 0),
    ...(evidence.openCircuits === undefined ? {} : { openCircuits: evidence.openCircuits }),
    unexpectedExits: evidence.unexpectedExits,
    ...(settlement.lost > 0 ? { lostBecause } : {}),
  };
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : round(ms / 1_000, 1);
}

async function underWayAt(
  stack: Stack,
  { goneDate, restartedAt, load: { acknowledged } }: Evidence,
  arrivals: ReadonlyMap<string, ArrivalsReport>,
): Promise<number | undefined> {
  if (goneDate === undefined) return undefined;
  const records = await readRecords(stack.pool, acknowledged);
  return countUnderWay(records, { arrivals, goneDate, restartedAt });
}

async function endedAfterMs(
  stack: Stack,
  messages: readonly Acknowledged[],
  fromDate: number,
): Promise<number | undefined> {
  const { rows } = await stack.pool.query<{ open: number; ended: Date | null }>(
    `SELECT count(*) FILTER (WHERE state IN ('pending', 'retrying', 'held'))::int AS open, max(updated_at) AS ended
     FROM deliveries WHERE id = ANY ($1::uuid[])`,
    [messages.flatMap(({ deliveryIds }) => deliveryIds.map((id) => id.slice(id.indexOf('_') + 1)))],
  );
  const [{ open, ended } = { open: 0, ended: null }] = rows;
  return open > 0 || ended === null ? undefined : Math.max(0, ended.getTime() - fromDate);
}
