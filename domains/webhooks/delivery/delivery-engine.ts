import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { JobEnd } from '../../../core/adaptive-limit';
import { AdaptivePool, type Place, type Turn, type Work } from '../../../core/adaptive-pool';
import type { PublicId } from '../../../core/ids';
import type { GuardedClient } from '../../../infra/http/guarded-client';
import type { Logger } from '../../../infra/log';
import { createRateLimits, type Permit, type RateLimits } from '../limits/rate-limits';
import type { WebhookMetrics } from '../metrics';
import type { StoredEvent } from '../publishing/publish-event';
import { LANES } from '../rules/lane';
import { DEFAULT_RETRY_DELAYS_MS } from '../rules/retry-schedule';
import type { AttemptOutcome } from '../store/attempt-outcomes';
import type { Backlog } from '../store/backlog';
import { atFallback } from './at-fallback';
import { type AttemptReport, attempt, unreadableReport } from './attempt';
import { createDeliveryRecorder, type TrippedCircuit } from './delivery-recorder';
import { type EndpointConfig, type EndpointConfigCache, UnreadableEndpoint } from './endpoint-config-cache';
import { createLeaseDesk, type DueDelivery, LEASE_SLACK_MS } from './lease-desk';
import type { AttemptEnd, LeasedDelivery } from './leased-delivery';
import type { OutcomeHoldOptions } from './outcome-hold';

/** Leases last longer while many wait, so that a burst is attempted where it is, but at most by so much. */
const LONGEST_EXTRA_SLACK_MS = 60_000;

/** First attempts that a process makes a second, at the least: how long those that wait will take. */
const CAUTIOUS_RATE = 500;

/** A turn ends with the request, not with its record; but at most this many outcomes wait to be recorded. */
const MAX_UNRECORDED = 5_000;

/** How long a delivery is left alone when its endpoint cannot be read because Postgres is away. */
const UNREADABLE_PAUSE_MS = 5_000;

/** An attempt that had to wait longer than this looks whether its endpoint was changed meanwhile. */
const STALE_AFTER_MS = 250;

/** Failures in a row after which an endpoint's retries wait in its backlog: it is down, and they are many. */
const DOWN_AFTER_FAILURES = 10;

const MAX_HELD_BYTES = 128 * 1_048_576;

/** How long an endpoint counts as failed over after a delivery went to its fallback. */
const FAILOVER_KNOWN_MS = 60_000;
const MAX_FAILOVERS = 10_000;

const PUSHBACK: readonly number[] = [429, 503];

export interface DueOptions {
  /** Asked when its turn comes; false leaves the delivery as it is. */
  wanted(): boolean;
  /** Whether somebody asked for this very attempt: it is made whatever is known of its endpoint. */
  insist: boolean;
}

export interface DeliveryEngine {
  /**
   * Attempts a delivery under a lease that the caller took, once its endpoint's turn comes, or moves it to the
   * endpoint's backlog. Never rejects.
   */
  attemptLeased(delivery: LeasedDelivery, trigger: AttemptOutcome['trigger'], onEnd: (end: AttemptEnd) => void): void;
  /**
   * Takes the lease of a due delivery once its endpoint's turn comes, and attempts it; if the turn does not come soon,
   * moves it to the endpoint's backlog.
   *
   * @returns undefined when no lease was taken: not wanted, not due, held by others, or stopped by its endpoint's state
   * @throws when Postgres cannot be reached
   */
  attemptDue(delivery: DueDelivery, options: DueOptions): Promise<AttemptEnd | undefined>;
  /** Takes the leases of what is most overdue in an endpoint's backlog. @throws when Postgres cannot be reached */
  leaseBacklog(endpointId: PublicId, limit: number): Promise<{ leased: LeasedDelivery[]; moved: number }>;
  /** Takes the lease of the head of an ordered endpoint's line. @throws when Postgres cannot be reached */
  leaseHead(endpointId: PublicId): Promise<{ leased: LeasedDelivery[]; moved: number }>;
  /** Takes the lease of one held delivery, for a probe. @throws when Postgres cannot be reached */
  leaseHeld(endpointId: PublicId, after: PublicId | undefined): Promise<LeasedDelivery | undefined>;
  /** Moves due deliveries to their endpoints' backlogs. @throws when Postgres cannot be reached */
  moveDue(deliveries: readonly DueDelivery[]): Promise<void>;
  /** How many attempts of an endpoint would begin at once, and fit in memory. */
  roomFor(endpointId: PublicId): number;
  /** Milliseconds until an endpoint that fails is tried again. */
  pausesMs(endpointId: PublicId): number;
  /** Ends an endpoint's pause: somebody has reason to think that it works. */
  forgive(endpointId: PublicId): void;
  /** Attempts that an endpoint may have at once. */
  limitOf(endpointId: PublicId): number;
  /** What endpoints may be sent in a period. */
  readonly rates: RateLimits;
  /** How long the leases of first attempts have to outlast timeouts now, in milliseconds. */
  leaseSlackMs(): number;
  /** Resolves when nothing is under way; call after the last attempt was submitted. */
  drain(): Promise<void>;
  /** Like {@link drain}, in bounded time: outcomes that cannot be recorded because Postgres is away are given up. */
  close(): Promise<void>;
  readonly waiting: number;
  readonly running: number;
}

/** What the engine tells of endpoints that fail, and asks. */
export interface EngineCircuits {
  /** An endpoint's circuit is to open. */
  tripped(circuit: TrippedCircuit): void;
  /** Whether to try a delivery that fails over at its endpoint first. */
  claimProbe(endpointId: PublicId): Promise<boolean>;
  /** Such a try has ended. Never rejects. */
  probed(probe: { endpointId: PublicId; deliveryId: PublicId; end: AttemptEnd }): Promise<void>;
}

export interface DeliveryEngineOptions {
  pool: Pool;
  client: GuardedClient;
  endpoints: EndpointConfigCache;
  metrics: WebhookMetrics;
  log: Logger;
  /** Attempts under way at once, in all and to one endpoint. */
  concurrency: number;
  concurrencyPerEndpoint: number;
  /** Most bytes of bodies held in memory, waiting and under way; what does not fit waits in the backlog. Default 128 MiB. */
  maxHeldBytes?: number;
  /** Called when deliveries were moved to a backlog. */
  onBacklog(backlog: Backlog): void;
  /** Called when an attempt of an ordered endpoint's delivery is recorded, made by this version: the next may go. */
  onOrdered?(endpointId: PublicId, version: number): void;
  circuits?: EngineCircuits;
  /** Has events delivered that were stored along with outcomes. Never rejects. */
  onEvents?(events: readonly StoredEvent[]): Promise<void>;
  /** Bounds of the outcomes held while Postgres is away. */
  hold?: OutcomeHoldOptions;
}

/** Makes attempts and records them: the only way a webhook leaves, for first attempts and retries alike. */
export function createDeliveryEngine(options: DeliveryEngineOptions): DeliveryEngine {
  const { pool, client, endpoints, metrics, log, maxHeldBytes = MAX_HELD_BYTES } = options;
  const { circuits, onEvents = async () => undefined } = options;
  const recorder = createDeliveryRecorder({
    pool,
    metrics,
    log,
    hold: options.hold,
    onTripped: (circuit) => circuits?.tripped(circuit),
    onEvents,
  });
  const rates = createRateLimits({ db: pool, log });
  const ending = new Set<Promise<AttemptEnd>>();
  const failovers = new LRUCache<PublicId, true>({ max: MAX_FAILOVERS, ttl: FAILOVER_KNOWN_MS });
  let heldBytes = 0;

  const turns = new AdaptivePool({
    total: options.concurrency,
    mostPerKey: options.concurrencyPerEndpoint,
    maxWaitMs: LEASE_SLACK_MS + LONGEST_EXTRA_SLACK_MS,
  });

  const desk = createLeaseDesk({
    pool,
    metrics,
    log,
    freeBytes: () => maxHeldBytes - heldBytes,
    onBacklog: options.onBacklog,
  });

  /** The endpoint's version, not older than a moment ago; undefined when nothing may be sent to it now. */
  async function freshVersion(delivery: LeasedDelivery, waitedMs: number): Promise<number | undefined> {
    return waitedMs < STALE_AFTER_MS ? delivery.endpointVersion : desk.currentVersion(delivery.endpointId);
  }

  /** Resolves when the receiver has answered; `end` resolves when the outcome is recorded. */
  async function send(
    delivery: LeasedDelivery,
    { trigger, waitedMs, turn }: { trigger: AttemptOutcome['trigger']; waitedMs: number; turn: Turn },
  ): Promise<{ end: Promise<AttemptEnd>; job: JobEnd | undefined }> {
    let endpoint: EndpointConfig | UnreadableEndpoint['stored'] | undefined;
    let permit: Permit | undefined;
    try {
      const version = await freshVersion(delivery, waitedMs);
      // What is due is judged by its endpoint's state when it is leased next.
      if (version === undefined) return { end: track(desk.decline(unpermitted(delivery))), job: undefined };
      endpoint = await endpoints.get(delivery.endpointId, version);
      endpoint ??= { version, retryDelaysMs: [...DEFAULT_RETRY_DELAYS_MS] };
      const permission = 'keys' in endpoint ? await permitOf(delivery, endpoint) : 'free';
      if (permission === undefined) return { end: track(desk.move(delivery)), job: undefined };
      if (permission !== 'free') permit = permission;
    } catch (error) {
      log.warn({ err: error, deliveryId: delivery.deliveryId }, 'could not read the endpoint');
      unpermitted(delivery);
      if (error instanceof UnreadableEndpoint) endpoint = error.stored;
    }
    if (endpoint === undefined) return { end: track(desk.decline(delivery, UNREADABLE_PAUSE_MS)), job: undefined };
    const late =
      Date.now() > delivery.startBeforeMs || performance.now() > (permit?.startBefore ?? Number.POSITIVE_INFINITY);
    if (late) return { end: track(desk.move(unpermitted(delivery))), job: undefined };
    const probes = await isProbe(delivery);
    const target = !probes && delivery.failover === true && 'keys' in endpoint ? atFallback(endpoint) : undefined;
    const used = target ?? endpoint;
    if (target !== undefined) failovers.set(delivery.endpointId, true);
    turn.ask();
    const report = 'keys' in used ? await attempt(client, used, delivery.messageId, delivery.body) : unreadableReport();
    turn.answered();
    if (permit !== undefined) rates.arrived(permit);
    const toBacklog = () => turns.failures(placeOf(delivery).key) >= DOWN_AFTER_FAILURES;
    const fallback = target !== undefined;
    const end = track(
      recorder
        .record(delivery, { trigger: probes ? 'probe' : trigger, endpoint, report, fallback, toBacklog })
        .then((ended) => {
          if (probes)
            void circuits?.probed({ endpointId: delivery.endpointId, deliveryId: delivery.deliveryId, end: ended });
          if (ended.state === 'moved' && delivery.fromBacklog !== true) {
            const { endpointId, tenantId } = delivery;
            options.onBacklog({ endpointId, tenantId });
          }
          if (delivery.ordered === true) options.onOrdered?.(delivery.endpointId, endpoint.version);
          return ended;
        }),
    );
    if (recorder.unrecorded > MAX_UNRECORDED || recorder.full) await end;
    return { end, job: jobEndOf(report) };
  }

  /** Leave to send to an endpoint now; undefined when its limit is used up. */
  async function permitOf(delivery: LeasedDelivery, endpoint: EndpointConfig): Promise<Permit | 'free' | undefined> {
    if (delivery.permit !== undefined) return delivery.permit;
    const { version, rateLimit } = endpoint;
    const permit = await rates.takeOne({ id: delivery.endpointId, version, limited: rateLimit !== undefined });
    if (permit !== undefined && permit !== 'free') delivery.permit = permit;
    return permit;
  }

  /** Gives back the permit of a delivery that is not sent. */
  function unpermitted(delivery: LeasedDelivery): LeasedDelivery {
    if (delivery.permit !== undefined) rates.giveBack([delivery.permit]);
    delivery.permit = undefined;
    return delivery;
  }

  async function isProbe({ endpointId, failover, probe }: LeasedDelivery): Promise<boolean> {
    if (failover !== true || probe !== true || circuits === undefined) return false;
    return circuits.claimProbe(endpointId).catch(() => false);
  }

  /** The places of an endpoint: its own, and its fallback's while deliveries go there. */
  function keysOf(endpointId: PublicId): string[] {
    return failovers.has(endpointId) ? [endpointId, fallbackKey(endpointId)] : [endpointId];
  }

  /** A probe is one attempt, made on purpose: what is known of its endpoint does not keep it waiting. */
  function add(delivery: LeasedDelivery, trigger: AttemptOutcome['trigger'], work: Work): boolean {
    if (trigger !== 'probe') return turns.add(placeOf(delivery), work);
    turns.insist(placeOf(delivery), work);
    return true;
  }

  function track(end: Promise<AttemptEnd>): Promise<AttemptEnd> {
    ending.add(end);
    return end.finally(() => ending.delete(end));
  }

  async function drain(): Promise<void> {
    await turns.drain();
    while (ending.size > 0) await Promise.all(ending);
    await rates.drain();
  }

  return {
    get waiting() {
      return turns.waiting;
    },
    get running() {
      return turns.running + ending.size;
    },
    roomFor: (endpointId) =>
      heldBytes >= maxHeldBytes ? 0 : Math.max(...keysOf(endpointId).map((key) => turns.room(key))),
    pausesMs: (endpointId) => Math.min(...keysOf(endpointId).map((key) => turns.pausesMs(key))),
    forgive: (endpointId) => turns.forgive(endpointId),
    limitOf: (endpointId) => turns.limit(endpointId) ?? 1,
    rates,
    leaseSlackMs: () => LEASE_SLACK_MS + Math.min(LONGEST_EXTRA_SLACK_MS, (turns.waiting / CAUTIOUS_RATE) * 1_000),
    leaseBacklog: desk.leaseBacklog,
    leaseHead: desk.leaseHead,
    leaseHeld: desk.leaseHeld,
    async moveDue(deliveries) {
      await Promise.all(deliveries.map((delivery) => desk.moveDue(delivery)));
    },
    attemptLeased(delivery, trigger, onEnd) {
      const bytes = Buffer.byteLength(delivery.body);
      const since = performance.now();
      const moveAway = () => void track(desk.move(unpermitted(delivery))).then(onEnd);
      const fits = heldBytes === 0 || heldBytes + bytes <= maxHeldBytes;
      const taken =
        fits &&
        add(delivery, trigger, {
          rank: rankOf(delivery),
          async run(turn) {
            const waitedMs = trigger === 'probe' ? 0 : performance.now() - since;
            const { end, job } = await send(delivery, { trigger, waitedMs, turn });
            heldBytes -= bytes;
            void end.then(onEnd);
            return job;
          },
          evicted() {
            heldBytes -= bytes;
            moveAway();
          },
        });
      if (taken) heldBytes += bytes;
      else moveAway();
    },
    attemptDue(delivery, { wanted, insist }) {
      return new Promise((resolve, reject) => {
        const moveAway = () => {
          desk.moveDue(delivery).then(() => resolve({ state: 'moved', attempted: false }), reject);
        };
        const work = {
          rank: rankOf(delivery),
          async run(turn: Turn): Promise<JobEnd | undefined> {
            try {
              if (!wanted()) {
                resolve(undefined);
                return undefined;
              }
              const leased = await desk.leaseDue(delivery.id);
              if (leased === undefined) {
                resolve(undefined);
                return undefined;
              }
              const bytes = Buffer.byteLength(leased.body);
              heldBytes += bytes;
              const { end, job } = await send(leased, { trigger: 'schedule', waitedMs: 0, turn });
              heldBytes -= bytes;
              end.then(resolve, reject);
              return job;
            } catch (error) {
              reject(error);
              return undefined;
            }
          },
          evicted: moveAway,
        };
        if (insist) turns.insist(placeOf(delivery), work);
        else if (!turns.add(placeOf(delivery), work)) moveAway();
      });
    },
    drain,
    close() {
      recorder.close();
      return drain();
    },
  };
}

/** Endpoints take turns within their tenant. A fallback answers for itself. */
function placeOf(delivery: { tenantId: PublicId; endpointId: PublicId; failover?: boolean }): Place {
  const { tenantId, endpointId, failover = false } = delivery;
  return { group: tenantId, key: failover ? fallbackKey(endpointId) : endpointId };
}

/** Lanes are ranks of the pool. */
function rankOf({ lane = 'normal' }: Pick<LeasedDelivery, 'lane'>): number {
  return LANES.indexOf(lane);
}

function fallbackKey(endpointId: PublicId): string {
  return `${endpointId}/fallback`;
}

function jobEndOf({ error, result, durationMs, timedOut }: AttemptReport): JobEnd {
  // Also where the status counts: a receiver that never ends its answers holds its turns as one that hangs.
  if (timedOut) return { kind: 'timeout', durationMs };
  if (error === undefined) return { kind: 'ok', durationMs };
  const pushback = result.kind === 'response' && PUSHBACK.includes(result.status);
  return { kind: pushback ? 'pushback' : 'failed', durationMs };
}
