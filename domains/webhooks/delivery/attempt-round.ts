import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type BatchState, type OpenDelivery, readBatch } from '../store/batch-state';
import { holdDue } from '../store/held-flow';
import type { DeliveryEngine } from './delivery-engine';

/** What a round found and did, for the workflow. Grows with the deliveries that are still open, not with the batch. */
export interface RoundReport {
  open: { id: PublicId; endpointId: PublicId }[];
  /** Deliveries of the batch that have ended or are held, by state. Running workflows know it by this name. */
  settled: Record<string, number>;
  /** Whether attempts were still due when the round's time was up. */
  more: boolean;
  /** Milliseconds until the next attempt is due or a lease ends. */
  nextInMs: number;
  /** The same moment in RFC 3339, for people; null when nothing is open. */
  nextAttemptAt: string | null;
  /** Endpoints that have not answered within the round: others should not wait for them again. */
  slowEndpointIds: PublicId[];
  problems: { endpointId: PublicId; error: string; count: number; attempts: number }[];
}

/** No attempt starts later than this in a round, so that deliveries that fall due meanwhile do not wait. */
const ROUND_BUDGET_MS = 5_000;
/** A round waits this long for receivers. Attempts that take longer go on without it, under their leases. */
const PATIENCE_MS = 2_000;
const SHORT_WAIT_MS = 1_000;
const HEARTBEAT_MS = 5_000;
const MAX_PROBLEMS = 20;

export interface RoundDeps {
  db: Queryable;
  engine: DeliveryEngine;
  /** Says that the round is alive; called every few seconds. */
  beat(): void;
  /** Rejects when the round is cancelled. */
  sleep(ms: number): Promise<void>;
}

export interface RoundInput {
  deliveryIds: readonly PublicId[];
  /** The workflow that attends to them. */
  workflowId: string;
  /** Deliveries that somebody asked to attempt now, whatever is known of their endpoints. */
  insisted: ReadonlySet<PublicId>;
}

/**
 * Attempts the deliveries that are due and reports where the batch stands afterwards. It waits for those that fall due
 * within a second: a timer on the server is no finer than that, and costs more. What its endpoint cannot take now is
 * moved to the endpoint's backlog, so that a round is short whatever the receivers do.
 */
export async function attemptRound(
  { db, engine, beat, sleep }: RoundDeps,
  { deliveryIds, workflowId, insisted }: RoundInput,
): Promise<RoundReport> {
  const began = Date.now();
  const wanted = () => Date.now() - began < ROUND_BUDGET_MS;
  const ended: Record<string, number> = {};
  const slow = new Set<PublicId>();
  const beating = setInterval(beat, HEARTBEAT_MS);
  try {
    for (let ids = deliveryIds; ; ) {
      const state = await readBatch(db, ids, workflowId);
      countEnded(ended, state);
      ids = state.open.map((delivery) => delivery.id);
      const next = soonest(state);
      if (!wanted() || next > SHORT_WAIT_MS || slow.size > 0) return report(state, ended, [...slow]);
      if (next > 0) await sleep(next);
      else {
        const due = await withoutHeld(db, state);
        for (const endpointId of await attemptAll(engine, due, insisted, wanted)) slow.add(endpointId);
      }
    }
  } finally {
    clearInterval(beating);
  }
}

/** Holds the due deliveries of endpoints whose deliveries are held, without a turn that others wait for. @returns the others */
async function withoutHeld(db: Queryable, state: BatchState): Promise<OpenDelivery[]> {
  const due = state.open.filter((delivery) => delivery.due);
  const stopped = due.filter((delivery) => delivery.stopped).map(({ id }) => id);
  if (stopped.length === 0) return due;
  const held = new Set(await holdDue(db, stopped));
  return due.filter(({ id }) => !held.has(id));
}

/** @returns the endpoints whose attempts are still under way */
async function attemptAll(
  engine: DeliveryEngine,
  due: readonly OpenDelivery[],
  insisted: ReadonlySet<PublicId>,
  wanted: () => boolean,
): Promise<Set<PublicId>> {
  const behind = due.filter((delivery) => delivery.behind && !insisted.has(delivery.id));
  if (behind.length > 0) await engine.moveDue(behind);
  const underWay = new Map<PublicId, PublicId>();
  const attempts = due
    .filter((delivery) => !behind.includes(delivery))
    .map(async (delivery) => {
      underWay.set(delivery.id, delivery.endpointId);
      try {
        await engine.attemptDue(delivery, { wanted, insist: insisted.has(delivery.id) });
      } finally {
        underWay.delete(delivery.id);
      }
    });
  const outcomes = await orAfter(Promise.allSettled(attempts), PATIENCE_MS);
  const failed = outcomes?.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return new Set(underWay.values());
}

/** What a promise resolves to, or undefined when it takes longer. */
async function orAfter<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function countEnded(ended: Record<string, number>, state: BatchState): void {
  for (const [name, count] of Object.entries(state.counts)) {
    if (name !== 'pending' && name !== 'retrying') ended[name] = (ended[name] ?? 0) + count;
  }
}

/** Milliseconds until the first open delivery is due; infinite when none is open. */
function soonest(state: BatchState): number {
  return state.open.reduce((least, { dueInMs }) => Math.min(least, dueInMs), Number.POSITIVE_INFINITY);
}

function report(state: BatchState, ended: Record<string, number>, slowEndpointIds: PublicId[]): RoundReport {
  const open = state.open.map(({ id, endpointId }) => ({ id, endpointId }));
  const nextInMs = soonest(state);
  const some = state.open.length > 0;
  return {
    open,
    settled: ended,
    more: some && nextInMs === 0,
    nextInMs: some ? nextInMs : 0,
    nextAttemptAt: some ? new Date(Date.now() + nextInMs).toISOString() : null,
    slowEndpointIds,
    problems: summarize(state.open),
  };
}

function summarize(open: readonly OpenDelivery[]): RoundReport['problems'] {
  const groups = new Map<string, RoundReport['problems'][number]>();
  for (const delivery of open) {
    const error = delivery.lastError ?? (delivery.attempts === 0 ? 'not attempted yet' : 'unknown');
    const key = `${delivery.endpointId} ${error}`;
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, { endpointId: delivery.endpointId, error, count: 1, attempts: delivery.attempts });
    else {
      group.count++;
      group.attempts = Math.max(group.attempts, delivery.attempts);
    }
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, MAX_PROBLEMS);
}
