import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import { newId, type PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { isItemFault } from '../../../infra/postgres/errors';
import type { WebhookMetrics } from '../metrics';
import { decide, retryOrGiveUp } from '../rules/attempt-outcome';
import {
  type AttemptOutcome,
  disableGoneEndpoint,
  type RecordedOutcome,
  recordOutcomes,
} from '../store/attempt-outcomes';
import type { AttemptReport } from './attempt';
import type { EndpointConfig } from './endpoint-config-cache';
import type { AttemptEnd, LeasedDelivery } from './leased-delivery';

const MAX_BATCH = 200;
const COMMITS_IN_FLIGHT = 2;

/** How often recording an outcome is tried while Postgres is away, and the pause between. Then it is sent again. */
const TRIES = 20;
const PAUSE_MS = 500;

export interface DeliveryRecorder {
  /**
   * Decides what follows from an attempt and records both. Never rejects: what cannot be recorded is attempted again.
   *
   * @param endpoint - as the attempt used it
   */
  record(
    delivery: LeasedDelivery,
    trigger: AttemptOutcome['trigger'],
    endpoint: Pick<EndpointConfig, 'version' | 'retryDelaysMs'>,
    report: AttemptReport,
  ): Promise<AttemptEnd>;
  /** Outcomes that are known but not recorded yet. */
  readonly unrecorded: number;
}

/** Records the outcomes of attempts by group commit. */
export function createDeliveryRecorder(deps: { pool: Pool; metrics: WebhookMetrics; log: Logger }): DeliveryRecorder {
  const { pool, metrics, log } = deps;
  let unrecorded = 0;

  const commits = new GroupCommit<AttemptOutcome, RecordedOutcome>({
    maxBatch: MAX_BATCH,
    maxInFlight: COMMITS_IN_FLIGHT,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: (outcomes) => recordOutcomes(pool, outcomes),
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe({ kind: 'outcomes' }, size),
  });

  async function commit(outcome: AttemptOutcome): Promise<RecordedOutcome | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await commits.add(outcome);
      } catch (error) {
        if (tries >= TRIES || isItemFault(error)) {
          log.error(
            { err: error, deliveryId: outcome.deliveryId },
            'could not record an attempt; it will be made again',
          );
          return undefined;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** Whether a 410 ends the delivery; not that of an endpoint which was corrected or enabled during the attempt. */
  async function isGone(endpointId: PublicId, version: number): Promise<boolean> {
    try {
      const now = await disableGoneEndpoint(pool, endpointId, version);
      if (now === 'disabled') log.warn({ endpointId }, 'endpoint disabled: it answered 410 Gone');
      return now !== 'changed';
    } catch (error) {
      log.error({ err: error, endpointId }, 'could not disable an endpoint that is gone');
      return true;
    }
  }

  async function end(
    delivery: LeasedDelivery,
    trigger: AttemptOutcome['trigger'],
    endpoint: Pick<EndpointConfig, 'version' | 'retryDelaysMs'>,
    report: AttemptReport,
  ): Promise<AttemptEnd> {
    const context = {
      delaysMs: endpoint.retryDelaysMs,
      attemptsInRun: delivery.attemptsInRun + 1,
      random: Math.random(),
      nowMs: Date.now(),
    };
    let next = decide(report.result, context);
    countAttempt(metrics, report);
    // Disabled first, so that after a crash in between the delivery becomes a dead letter instead of being sent again.
    if (next.state === 'dead' && next.reason === 'gone' && !(await isGone(delivery.endpointId, endpoint.version))) {
      next = retryOrGiveUp(context);
    }
    const recorded = await commit({
      attemptId: newId('att'),
      deliveryId: delivery.deliveryId,
      lease: delivery.lease,
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
      return next;
    }
    const { deliveryId, messageId, endpointId } = delivery;
    log.info(
      { deliveryId, messageId, endpointId, attempt: delivery.attempts + 1, error: report.error, next: next.state },
      'attempt failed',
    );
    if (next.state === 'retrying') return { state: 'retrying', nextAttemptAt: recorded.nextAttemptAt };
    if (recorded.moved) metrics.deadLetters.inc({ reason: next.reason });
    return { state: 'dead' };
  }

  return {
    get unrecorded() {
      return unrecorded;
    },
    record(delivery, trigger, endpoint, report) {
      unrecorded++;
      return end(delivery, trigger, endpoint, report).finally(() => {
        unrecorded--;
      });
    },
  };
}

function countAttempt(metrics: WebhookMetrics, report: AttemptReport): void {
  metrics.attemptDuration.observe(report.durationMs / 1000);
  if (report.error === undefined) metrics.attempts.inc({ outcome: 'succeeded' });
  else if (report.error === 'timeout' || report.error === 'blocked') metrics.attempts.inc({ outcome: report.error });
  else metrics.attempts.inc({ outcome: report.error === 'http-410' ? 'gone' : 'failed' });
}
