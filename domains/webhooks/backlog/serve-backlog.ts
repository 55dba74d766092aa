import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { WebhooksConfig } from '../config';
import type { DeliveryEngine } from '../delivery/delivery-engine';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { beginLimitedRound } from '../limits/begin-limited-round';
import { type LimitedRound, opensSoon, wakeInMs } from '../limits/limited-round';
import type { WebhookMetrics } from '../metrics';
import type { OrderedRunner } from '../ordering/ordered-runner';
import type { Lane } from '../rules/lane';
import { type BacklogState, buryExpired, keepBacklog, MOST_COUNTED, readBacklog } from '../store/backlog';
import { leaveOrder, orderedVersion } from '../store/ordering';

/** What a round found and did, for the workflow. */
export interface BacklogReport {
  /** Deliveries that are left, counted up to 10,000. */
  open: number;
  /** Whether there are more than were counted. */
  uncounted: boolean;
  /** Whether some are due and had no turn. */
  due: boolean;
  /** Attempts that ended in this round, and how many of them well. */
  attempts: number;
  delivered: number;
  /** Milliseconds until it is worth to look again. */
  nextInMs: number;
  /** When the next attempt is due (RFC 3339), for people; null when none is. */
  nextAttemptAt: string | null;
  /** What came of the last attempt of the delivery that is next. */
  lastError: string | null;
  /** How many attempts the endpoint may have at once, by how it answers. */
  limit: number;
  /** Whether what is due waits because of the endpoint's rate limit. Reports of earlier versions do not say. */
  rateLimited?: boolean;
  /** The most urgent lane of which something is due; null when nothing is. Absent in what earlier versions reported. */
  lane?: Lane | null;
}

/** No attempt begins later than this in a round, so that a large backlog does not keep an activity slot. */
const ROUND_BUDGET_MS = 4_000;
/** Where a rate limit has the round wait a moment again and again, fewer rounds lose less between them. */
const LIMITED_BUDGET_MS = 8_000;
/** A round in which nothing ends for so long is over: the receiver hangs. What is under way goes on without the slot. */
const QUIET_MS = 1_500;
const MOST_AT_ONCE = 200;
const HEARTBEAT_MS = 5_000;
const BURIED_AT_ONCE = 1_000;
const LEFT_AT_ONCE = 1_000;
/** How long new deliveries go to the backlog after a round that left some due: longer than the workflow sleeps. */
const STAY_MS = 150_000;
/** A round that left something due without having to wait for it comes again after this. */
const SOON_MS = 50;

export interface ServeDeps {
  db: Queryable;
  engine: DeliveryEngine;
  metrics: Pick<WebhookMetrics, 'deadLetters'>;
  config: Pick<WebhooksConfig, 'WAYBILL_BACKLOG_MAX_AGE'>;
  /** Goes on with the line of an ordered endpoint. */
  ordered: Pick<OrderedRunner, 'run'>;
  /** Says that the round is alive; called every few seconds. */
  beat(): void;
}

export interface ServeInput {
  endpointId: PublicId;
  /** Whether to try even if the endpoint pauses after failures. */
  insist: boolean;
}

/**
 * Attempts what is due in an endpoint's backlog, the most urgent and of these the most overdue first, as many at once as the endpoint's answers allow.
 * Its cost grows with the attempts that are made, not with the backlog.
 */
export async function serveBacklog(deps: ServeDeps, { endpointId, insist }: ServeInput): Promise<BacklogReport> {
  const beating = setInterval(deps.beat, HEARTBEAT_MS);
  try {
    return await serve(deps, { endpointId, insist });
  } finally {
    clearInterval(beating);
  }
}

async function serve(deps: ServeDeps, { endpointId, insist }: ServeInput): Promise<BacklogReport> {
  const { engine } = deps;
  if (insist) engine.forgive(endpointId);
  const limits = beginLimitedRound(engine.rates, endpointId, await goOnInOrder(deps, endpointId));
  const began = Date.now();
  const round = { attempts: 0, delivered: 0 };
  let underWay = 0;
  let unseen = 0;
  /** Whether a delivery came back without an attempt: this process has no room for it, or did not know of the limit. */
  let bounced = false;
  let wake = () => {};
  const onEnd = (end: AttemptEnd) => {
    underWay--;
    unseen++;
    if (end.state === 'moved' && !end.attempted) bounced = !limits.bounced() || bounced;
    else round.attempts++;
    if (end.state === 'delivered') round.delivered++;
    wake();
  };

  /** @returns whether something has ended since the last call, or ends in time */
  async function oneEnds(): Promise<boolean> {
    if (unseen > 0) {
      unseen = 0;
      return true;
    }
    if (underWay === 0) return false;
    let timer: NodeJS.Timeout | undefined;
    const ended = new Promise<boolean>((resolve) => {
      wake = () => resolve(true);
      timer = setTimeout(() => resolve(false), QUIET_MS);
    });
    return ended.finally(() => {
      clearTimeout(timer);
      unseen = 0;
    });
  }

  while (!bounced && Date.now() - began < (limits.limited ? LIMITED_BUDGET_MS : ROUND_BUDGET_MS)) {
    const limit = await limits.take(Math.min(engine.roomFor(endpointId), MOST_AT_ONCE));
    if (limit > 0) {
      const { leased, moved } = await engine.leaseBacklog(endpointId, limit).catch((error: unknown) => {
        limits.giveBack();
        throw error;
      });
      for (const delivery of leased) {
        underWay++;
        engine.attemptLeased(limits.permitted(delivery), 'schedule', onEnd);
      }
      limits.giveBack();
      if (moved > leased.length) continue;
      if (moved < limit && underWay === 0) break;
    }
    if (!(await (limits.refused ? opensSoon(limits) : oneEnds()))) break;
  }
  while (underWay > 0 && (await oneEnds()));
  return report(await settle(deps, endpointId, limits), { round, limits, engine, endpointId });
}

/** Lets go what belongs to no order any more, and goes on with the rest. @returns the endpoint's version if there is a rest */
async function goOnInOrder({ db, ordered }: ServeDeps, endpointId: PublicId): Promise<number | undefined> {
  if ((await orderedVersion(db, endpointId)) === undefined) return undefined;
  while ((await leaveOrder(db, endpointId, LEFT_AT_ONCE)) === LEFT_AT_ONCE);
  const version = await orderedVersion(db, endpointId);
  if (version !== undefined) ordered.run(endpointId, version);
  return version;
}

async function settle(
  { db, metrics, config }: ServeDeps,
  endpointId: PublicId,
  limits: LimitedRound,
): Promise<BacklogState> {
  const maxAgeMs = config.WAYBILL_BACKLOG_MAX_AGE;
  let state = await readBacklog(db, endpointId);
  // What its limit delays is not given up: it goes on, however slowly.
  while (state.overdueMs > maxAgeMs && !limits.limited) {
    const buried = await buryExpired(db, endpointId, maxAgeMs, BURIED_AT_ONCE);
    if (buried === 0) break;
    metrics.deadLetters.inc({ reason: 'backlog-expired' }, buried);
    state = await readBacklog(db, endpointId);
  }
  await keepBacklog(db, endpointId, state.due ? STAY_MS + limits.waitMs : 0);
  return state;
}

function report(
  state: BacklogState,
  {
    round,
    limits,
    engine,
    endpointId,
  }: Pick<ServeDeps, 'engine'> &
    Pick<ServeInput, 'endpointId'> & { round: { attempts: number; delivered: number }; limits: LimitedRound },
): BacklogReport {
  const rateLimited = state.due && limits.refused;
  const soonMs = rateLimited ? wakeInMs(limits) : SOON_MS;
  const nextInMs = state.due ? Math.max(soonMs, engine.pausesMs(endpointId)) : state.nextInMs;
  return {
    ...round,
    open: Math.min(state.open, MOST_COUNTED),
    uncounted: state.open > MOST_COUNTED,
    due: state.due,
    nextInMs: Math.ceil(nextInMs),
    nextAttemptAt: state.open > 0 ? new Date(Date.now() + nextInMs).toISOString() : null,
    lastError: state.lastError ?? null,
    limit: engine.limitOf(endpointId),
    ...(rateLimited ? { rateLimited } : {}),
    lane: state.lane ?? null,
  };
}
