import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import { KeyedPool } from '../../../core/keyed-pool';
import type { GuardedClient } from '../../../infra/http/guarded-client';
import type { Logger } from '../../../infra/log';
import type { WebhookMetrics } from '../metrics';
import { DEFAULT_RETRY_DELAYS_MS } from '../rules/retry-schedule';
import type { AttemptOutcome } from '../store/attempt-outcomes';
import { type LeaseResult, leaseDue, releaseLeases } from '../store/leases';
import { attempt, unreadableReport } from './attempt';
import { createDeliveryRecorder } from './delivery-recorder';
import { type EndpointConfig, type EndpointConfigCache, UnreadableEndpoint } from './endpoint-config-cache';
import type { AttemptEnd, LeasedDelivery } from './leased-delivery';
import type { OutcomeHoldOptions } from './outcome-hold';

/** How long a lease outlasts the endpoint's timeout: time to wait for a turn and to record the outcome. */
export const LEASE_SLACK_MS = 10_000;

/** An attempt may begin while this much of the slack is left, so that its outcome is recorded under the lease. */
const RECORD_RESERVE_MS = 4_000;

/** A turn ends with the request, not with its record; but at most this many outcomes wait to be recorded. */
const MAX_UNRECORDED = 5_000;

/** How long a delivery is left alone when its endpoint cannot be read because Postgres is away. */
const UNREADABLE_PAUSE_MS = 5_000;

const MAX_RELEASE_BATCH = 200;
const MAX_LEASE_BATCH = 50;

/**
 * How many deliveries may wait for each that may be under way: two or three seconds of work when all goes well.
 * Handing one over to the workflow costs three times as much as attempting it here, so a burst is better kept here.
 */
const WAITING_PER_TURN = 128;

/** Most characters of bodies held in memory, waiting and under way; the workflow attempts what does not fit. */
const MAX_HELD_CHARACTERS = 128 * 1_048_576;

export interface DeliveryEngine {
  /** Attempts a delivery under a lease that the caller took, once its endpoint's turn comes. Never rejects. */
  attemptLeased(delivery: LeasedDelivery, trigger: AttemptOutcome['trigger'], onEnd: (end: AttemptEnd) => void): void;
  /**
   * Takes the lease of a due delivery once its endpoint's turn comes, and attempts it.
   *
   * @param wanted - asked when its turn comes; false leaves the delivery as it is
   * @returns undefined when no lease was taken: not wanted, not due, held by others, or stopped by its endpoint's state
   * @throws when Postgres cannot be reached
   */
  attemptDue(deliveryId: PublicId, endpointId: PublicId, wanted: () => boolean): Promise<AttemptEnd | undefined>;
  /** Resolves when nothing is under way; call after the last attempt was submitted. */
  drain(): Promise<void>;
  /** Like {@link drain}, in bounded time: outcomes that cannot be recorded because Postgres is away are given up. */
  close(): Promise<void>;
  readonly waiting: number;
  readonly running: number;
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
  /** Bounds of the outcomes held while Postgres is away. */
  hold?: OutcomeHoldOptions;
}

/** Makes attempts and records them: the only way a webhook leaves, for first attempts and retries alike. */
export function createDeliveryEngine(options: DeliveryEngineOptions): DeliveryEngine {
  const { pool, client, endpoints, metrics, log } = options;
  const recorder = createDeliveryRecorder({ pool, metrics, log, hold: options.hold });
  const ending = new Set<Promise<AttemptEnd>>();
  let heldCharacters = 0;

  const turns = new KeyedPool({
    total: options.concurrency,
    perKey: options.concurrencyPerEndpoint,
    maxWaitingPerKey: options.concurrencyPerEndpoint * WAITING_PER_TURN,
    maxWaiting: options.concurrency * WAITING_PER_TURN,
  });

  const leaser = new GroupCommit<PublicId, LeaseResult>({
    maxBatch: MAX_LEASE_BATCH,
    maxInFlight: 2,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: (ids) => leaseDue(pool, ids, randomUUID(), LEASE_SLACK_MS),
    // Leases used to be called claims, and dashboards know the label.
    onBatch: (size) => metrics.batchSize.observe({ kind: 'claims' }, size),
  });

  const releaser = new GroupCommit<LeasedDelivery, void>({
    maxBatch: MAX_RELEASE_BATCH,
    maxInFlight: 1,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: async (deliveries) => {
      for (const [lease, ids] of groupByLease(deliveries)) await releaseLeases(pool, ids, lease);
      return deliveries.map(() => undefined);
    },
  });

  async function decline(delivery: LeasedDelivery, pauseMs = 0): Promise<AttemptEnd> {
    metrics.declined.inc();
    const released =
      pauseMs === 0 ? releaser.add(delivery) : releaseLeases(pool, [delivery.deliveryId], delivery.lease, pauseMs);
    // If even this fails the lease runs out by itself.
    await released.catch((error) => log.warn({ err: error }, 'could not release a lease'));
    return { state: 'declined' };
  }

  /** Resolves when the receiver has answered; `end` resolves when the outcome is recorded. */
  async function send(
    delivery: LeasedDelivery,
    trigger: AttemptOutcome['trigger'],
  ): Promise<{ end: Promise<AttemptEnd> }> {
    let endpoint: EndpointConfig | UnreadableEndpoint['stored'] | undefined;
    try {
      endpoint = await endpoints.get(delivery.endpointId, delivery.endpointVersion);
      endpoint ??= { version: delivery.endpointVersion, retryDelaysMs: [...DEFAULT_RETRY_DELAYS_MS] };
    } catch (error) {
      log.warn({ err: error, deliveryId: delivery.deliveryId }, 'could not read the endpoint');
      if (error instanceof UnreadableEndpoint) endpoint = error.stored;
    }
    const leaseLeftMs = delivery.leasedAtMs + LEASE_SLACK_MS - Date.now();
    if (endpoint === undefined) return { end: track(decline(delivery, UNREADABLE_PAUSE_MS)) };
    if (leaseLeftMs < RECORD_RESERVE_MS) return { end: track(decline(delivery)) };
    const report =
      'keys' in endpoint ? await attempt(client, endpoint, delivery.messageId, delivery.body) : unreadableReport();
    const end = track(recorder.record(delivery, trigger, endpoint, report));
    if (recorder.unrecorded > MAX_UNRECORDED || recorder.full) await end;
    return { end };
  }

  function track(end: Promise<AttemptEnd>): Promise<AttemptEnd> {
    ending.add(end);
    return end.finally(() => ending.delete(end));
  }

  async function drain(): Promise<void> {
    await turns.drain();
    while (ending.size > 0) await Promise.all(ending);
  }

  return {
    get waiting() {
      return turns.waiting;
    },
    get running() {
      return turns.running + ending.size;
    },
    attemptLeased(delivery, trigger, onEnd) {
      const characters = delivery.body.length;
      const fits = heldCharacters === 0 || heldCharacters + characters <= MAX_HELD_CHARACTERS;
      const taken =
        fits &&
        turns.tryRun(delivery.endpointId, async () => {
          const { end } = await send(delivery, trigger);
          heldCharacters -= characters;
          void end.then(onEnd);
        });
      if (taken) heldCharacters += characters;
      else void track(decline(delivery)).then(onEnd);
    },
    async attemptDue(deliveryId, endpointId, wanted) {
      const sent = await turns.run(endpointId, async () => {
        if (!wanted()) return undefined;
        // Before the statement, so that the lease never ends earlier than is believed here.
        const leasedAtMs = Date.now();
        const leased = await leaser.add(deliveryId);
        if (leased.outcome !== 'leased') {
          if (leased.buried !== undefined) metrics.deadLetters.inc({ reason: leased.buried });
          return undefined;
        }
        const { createdAt, ...rest } = leased;
        return send({ ...rest, createdAtMs: createdAt.getTime(), leasedAtMs }, 'schedule');
      });
      return sent?.end;
    },
    drain,
    close() {
      recorder.close();
      return drain();
    },
  };
}

function groupByLease(deliveries: readonly LeasedDelivery[]): Map<string, PublicId[]> {
  const groups = new Map<string, PublicId[]>();
  for (const { lease, deliveryId } of deliveries) {
    const ids = groups.get(lease);
    if (ids === undefined) groups.set(lease, [deliveryId]);
    else ids.push(deliveryId);
  }
  return groups;
}
