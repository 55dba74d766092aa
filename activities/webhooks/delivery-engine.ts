import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { decide } from '../../core/attempt-outcome';
import { GroupCommit } from '../../core/group-commit';
import { newId, type PublicId } from '../../core/ids';
import { KeyedPool } from '../../core/keyed-pool';
import type { GuardedClient } from '../../infra/http/guarded-client';
import type { Logger } from '../../infra/log';
import type { Metrics } from '../../infra/observability/metrics';
import { isItemFault } from '../../infra/postgres/errors';
import {
  type AttemptOutcome,
  disableGoneEndpoint,
  type RecordedOutcome,
  recordOutcomes,
} from '../../store/attempt-outcomes';
import { type ClaimResult, claimDue, releaseClaims } from '../../store/claims';
import { type AttemptReport, attempt } from './attempt';
import type { EndpointConfig, EndpointConfigCache } from './endpoint-config-cache';

/** What a lease lasts beyond the endpoint's timeout: time to wait for a turn, and to record the outcome. */
export const LEASE_SLACK_MS = 10_000;

/** An attempt may begin while this much of the slack is left, so that its outcome is recorded under the lease. */
const RECORD_RESERVE_MS = 4_000;

/** How long an outcome is tried to be recorded while Postgres is away. After that the delivery is sent again. */
const RECORD_TRIES = 20;
const RECORD_PAUSE_MS = 500;

const MAX_OUTCOME_BATCH = 200;
const MAX_CLAIM_BATCH = 50;

/** A delivery whose lease the caller holds. */
export interface ClaimedDelivery {
  deliveryId: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  endpointVersion: number;
  body: string;
  claim: string;
  attempts: number;
  attemptsInRun: number;
  createdAtMs: number;
  /** When the lease began, on this process's clock. */
  claimedAtMs: number;
}

/** How an attempt left its delivery. `declined`: no attempt was made, the delivery is due for whoever comes. */
export type Settlement =
  | { state: 'delivered' | 'dead' }
  | { state: 'retrying'; nextAttemptAt: Date | undefined }
  | { state: 'declined' };

export interface DeliveryEngine {
  /** Attempts a delivery under a lease that the caller took, once its endpoint's turn comes. Never rejects. */
  attemptClaimed(
    delivery: ClaimedDelivery,
    trigger: AttemptOutcome['trigger'],
    onSettled: (s: Settlement) => void,
  ): void;
  /**
   * Claims a due delivery once its endpoint's turn comes, and attempts it.
   *
   * @param wanted - asked when its turn comes; false leaves the delivery as it is
   * @returns undefined when it was not to be had: not due, in other hands, or settled for its endpoint's state
   * @throws when Postgres cannot be reached
   */
  attemptDue(deliveryId: PublicId, endpointId: PublicId, wanted: () => boolean): Promise<Settlement | undefined>;
  /** Resolves when nothing is under way; call after the last attempt was given in. */
  drain(): Promise<void>;
  readonly waiting: number;
  readonly running: number;
}

export interface DeliveryEngineOptions {
  pool: Pool;
  client: GuardedClient;
  endpoints: EndpointConfigCache;
  metrics: Metrics;
  log: Logger;
  /** Attempts under way at once, in all and to one endpoint. */
  concurrency: number;
  concurrencyPerEndpoint: number;
}

/** Makes attempts and records them: the one way in which a webhook leaves, for first attempts and for retries. */
export function createDeliveryEngine(options: DeliveryEngineOptions): DeliveryEngine {
  const { pool, client, endpoints, metrics, log } = options;

  const turns = new KeyedPool({
    total: options.concurrency,
    perKey: options.concurrencyPerEndpoint,
    maxWaitingPerKey: options.concurrencyPerEndpoint * 32,
    maxWaiting: options.concurrency * 32,
  });

  const recorder = new GroupCommit<AttemptOutcome, RecordedOutcome>({
    maxBatch: MAX_OUTCOME_BATCH,
    maxInFlight: 2,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: (outcomes) => recordOutcomes(pool, outcomes),
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe({ kind: 'outcomes' }, size),
  });

  const claimer = new GroupCommit<PublicId, ClaimResult & { claim: string }>({
    maxBatch: MAX_CLAIM_BATCH,
    maxInFlight: 2,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: async (ids) => {
      const claim = randomUUID();
      const results = await claimDue(pool, ids, claim, LEASE_SLACK_MS);
      return results.map((result) => ({ ...result, claim }));
    },
    onBatch: (size) => metrics.batchSize.observe({ kind: 'claims' }, size),
  });

  const releaser = new GroupCommit<ClaimedDelivery, void>({
    maxBatch: MAX_OUTCOME_BATCH,
    maxInFlight: 1,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: async (deliveries) => {
      for (const [claim, ids] of groupByClaim(deliveries)) await releaseClaims(pool, ids, claim);
      return deliveries.map(() => undefined);
    },
  });

  async function decline(delivery: ClaimedDelivery): Promise<Settlement> {
    metrics.declined.inc();
    // If even this fails the lease runs out by itself.
    await releaser.add(delivery).catch((error) => log.warn({ err: error }, 'could not release a lease'));
    return { state: 'declined' };
  }

  async function attemptAndRecord(delivery: ClaimedDelivery, trigger: AttemptOutcome['trigger']): Promise<Settlement> {
    let endpoint: EndpointConfig | undefined;
    try {
      endpoint = await endpoints.get(delivery.endpointId, delivery.endpointVersion);
    } catch (error) {
      log.warn({ err: error, deliveryId: delivery.deliveryId }, 'could not read the endpoint');
    }
    const leaseLeftMs = delivery.claimedAtMs + LEASE_SLACK_MS - Date.now();
    if (endpoint === undefined || leaseLeftMs < RECORD_RESERVE_MS) return decline(delivery);

    const report = await attempt(client, endpoint, delivery.messageId, delivery.body);
    const next = decide(report.result, {
      delaysMs: endpoint.retryDelaysMs,
      attemptsInRun: delivery.attemptsInRun + 1,
      random: Math.random(),
      nowMs: Date.now(),
    });
    countAttempt(metrics, report);
    if (next.state === 'dead' && next.reason === 'gone') await disable(delivery.endpointId);
    const recorded = await record({
      attemptId: newId('attempt'),
      deliveryId: delivery.deliveryId,
      claim: delivery.claim,
      number: delivery.attempts + 1,
      trigger,
      startedAt: report.startedAt,
      durationMs: report.durationMs,
      status: report.result.kind === 'response' ? report.result.status : undefined,
      error: report.error,
      errorDetail: report.errorDetail,
      responseBody: report.responseBody,
      next,
    });
    if (recorded === undefined) return { state: 'declined' };
    if (next.state === 'delivered') {
      metrics.deliveryLatency.observe((Date.now() - delivery.createdAtMs) / 1000);
      return { state: 'delivered' };
    }
    log.info(
      {
        deliveryId: delivery.deliveryId,
        messageId: delivery.messageId,
        endpointId: delivery.endpointId,
        attempt: delivery.attempts + 1,
        error: report.error,
        next: next.state,
      },
      'attempt failed',
    );
    if (next.state === 'dead') {
      if (recorded.moved) metrics.deadLetters.inc({ reason: next.reason });
      return { state: 'dead' };
    }
    return { state: 'retrying', nextAttemptAt: recorded.nextAttemptAt };
  }

  async function disable(endpointId: PublicId): Promise<void> {
    try {
      if (await disableGoneEndpoint(pool, endpointId))
        log.warn({ endpointId }, 'endpoint disabled: it answered 410 Gone');
    } catch (error) {
      log.error({ err: error, endpointId }, 'could not disable an endpoint that is gone');
    }
  }

  async function record(outcome: AttemptOutcome): Promise<RecordedOutcome | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await recorder.add(outcome);
      } catch (error) {
        const { deliveryId } = outcome;
        if (tries >= RECORD_TRIES || isItemFault(error)) {
          log.error({ err: error, deliveryId }, 'could not record an attempt; it will be made again');
          return undefined;
        }
        await new Promise((resolve) => setTimeout(resolve, RECORD_PAUSE_MS));
      }
    }
  }

  return {
    get waiting() {
      return turns.waiting;
    },
    get running() {
      return turns.running;
    },
    attemptClaimed(delivery, trigger, onSettled) {
      const settle = (work: Promise<Settlement>) => work.then(onSettled);
      const taken = turns.tryRun(delivery.endpointId, () => settle(attemptAndRecord(delivery, trigger)));
      if (!taken) void settle(decline(delivery));
    },
    attemptDue(deliveryId, endpointId, wanted) {
      return turns.run(endpointId, async () => {
        if (!wanted()) return undefined;
        const claimed = await claimer.add(deliveryId);
        if (claimed.outcome !== 'claimed') return undefined;
        const { createdAt, ...rest } = claimed;
        return attemptAndRecord({ ...rest, createdAtMs: createdAt.getTime(), claimedAtMs: Date.now() }, 'schedule');
      });
    },
    async drain() {
      await turns.drain();
      await releaser.drain();
    },
  };
}

function groupByClaim(deliveries: readonly ClaimedDelivery[]): Map<string, PublicId[]> {
  const groups = new Map<string, PublicId[]>();
  for (const { claim, deliveryId } of deliveries) {
    const ids = groups.get(claim);
    if (ids === undefined) groups.set(claim, [deliveryId]);
    else ids.push(deliveryId);
  }
  return groups;
}

function countAttempt(metrics: Metrics, report: AttemptReport): void {
  metrics.attemptDuration.observe(report.durationMs / 1000);
  if (report.error === undefined) metrics.attempts.inc({ outcome: 'succeeded' });
  else if (report.error === 'timeout' || report.error === 'blocked') metrics.attempts.inc({ outcome: report.error });
  else metrics.attempts.inc({ outcome: report.error === 'http-410' ? 'gone' : 'failed' });
}
