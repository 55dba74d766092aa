import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import { newId, type PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { isItemFault } from '../../../infra/postgres/errors';
import type { WebhookMetrics } from '../metrics';
import { decide, retryOrGiveUp, type Transition } from '../rules/attempt-outcome';
import {
  type AttemptOutcome,
  disableGoneEndpoint,
  type RecordedOutcome,
  recordOutcomes,
} from '../store/attempt-outcomes';
import type { AttemptReport } from './attempt';
import type { EndpointConfig } from './endpoint-config-cache';
import type { AttemptEnd, LeasedDelivery } from './leased-delivery';
import { createOutcomeHold, type OutcomeHoldOptions } from './outcome-hold';

const MAX_BATCH = 200;
const COMMITS_IN_FLIGHT = 2;

/** What an outcome takes in memory besides its texts, generously. */
const OUTCOME_BYTES = 2_048;
const BYTES_PER_CHARACTER = 2;

/** An attempt that was made. */
export interface MadeAttempt {
  trigger: AttemptOutcome['trigger'];
  /** The endpoint as the attempt used it. */
  endpoint: Pick<EndpointConfig, 'version' | 'retryDelaysMs'>;
  report: AttemptReport;
  /** Whether a retry is to wait in the endpoint's backlog; asked when it is recorded. */
  toBacklog(): boolean;
}

export interface DeliveryRecorder {
  /** Decides what follows from an attempt and records both. Never rejects: what cannot be recorded is attempted again. */
  record(delivery: LeasedDelivery, made: MadeAttempt): Promise<AttemptEnd>;
  /** Outcomes that are known but not recorded yet. */
  readonly unrecorded: number;
  /** Whether those take as much memory as they may: no further attempts should start. */
  readonly full: boolean;
  /** Bounds how long outcomes are still held while Postgres is away; for a process that closes. */
  close(): void;
}

/** Records the outcomes of attempts by group commit, and holds them while Postgres is away. */
export function createDeliveryRecorder(deps: {
  pool: Pool;
  metrics: WebhookMetrics;
  log: Logger;
  hold?: OutcomeHoldOptions | undefined;
}): DeliveryRecorder {
  const { pool, metrics, log } = deps;
  const hold = createOutcomeHold(deps.hold);

  const commits = new GroupCommit<AttemptOutcome, RecordedOutcome>({
    maxBatch: MAX_BATCH,
    maxInFlight: COMMITS_IN_FLIGHT,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: (outcomes) => recordOutcomes(pool, outcomes),
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe({ kind: 'outcomes' }, size),
  });

  /** Whether a 410 ends the delivery; not that of an endpoint which was corrected or enabled during the attempt. */
  async function isGone({ endpointId, endpointVersion }: Facts): Promise<boolean> {
    const now = await disableGoneEndpoint(pool, endpointId, endpointVersion);
    if (now === 'disabled') log.warn({ endpointId }, 'endpoint disabled: it answered 410 Gone');
    return now !== 'changed';
  }

  async function record(facts: Facts): Promise<RecordedOutcome> {
    const { outcome } = facts;
    // Disabled first, so that after a crash in between the delivery becomes a dead letter instead of being sent again.
    if (outcome.next.state === 'dead' && outcome.next.reason === 'gone' && !facts.gone) {
      if (await isGone(facts)) facts.gone = true;
      else outcome.next = facts.orElse();
    }
    outcome.toBacklog = outcome.next.state === 'retrying' && facts.toBacklog();
    return commits.add(outcome);
  }

  async function end(facts: Facts): Promise<AttemptEnd> {
    const { outcome, messageId, endpointId } = facts;
    const { deliveryId } = outcome;
    let recorded: RecordedOutcome;
    try {
      recorded = await hold.untilRecorded(bytesOf(outcome), () => record(facts), isItemFault);
    } catch (error) {
      log.error({ err: error, deliveryId }, 'could not record an attempt; it will be made again');
      return { state: 'declined' };
    }
    const { next } = outcome;
    if (next.state === 'delivered') {
      metrics.deliveryLatency.observe((Date.now() - facts.createdAtMs) / 1000);
      return next;
    }
    log.info(
      { deliveryId, messageId, endpointId, attempt: outcome.number, error: outcome.error, next: next.state },
      'attempt failed',
    );
    if (recorded.inBacklog) return { state: 'moved', attempted: true };
    if (next.state === 'retrying') return { state: 'retrying', nextAttemptAt: recorded.nextAttemptAt };
    if (recorded.moved) metrics.deadLetters.inc({ reason: next.reason });
    return { state: 'dead' };
  }

  return {
    get unrecorded() {
      return hold.count;
    },
    get full() {
      return hold.full;
    },
    close: hold.close,
    record(delivery, made) {
      countAttempt(metrics, made.report);
      return end(factsOf(delivery, made));
    },
  };
}

/** What is held of an attempt until it is recorded; not the delivery itself, whose body is no longer needed. */
interface Facts {
  outcome: AttemptOutcome;
  messageId: PublicId;
  endpointId: PublicId;
  /** The version that the attempt used. */
  endpointVersion: number;
  createdAtMs: number;
  /** Whether its endpoint is disabled for it already. */
  gone: boolean;
  toBacklog(): boolean;
  /** What follows if the outcome says nothing about the endpoint as it is now. */
  orElse(): Transition;
}

function factsOf(delivery: LeasedDelivery, { trigger, endpoint, report, toBacklog }: MadeAttempt): Facts {
  const { deliveryId, messageId, endpointId, lease, createdAtMs } = delivery;
  const context = {
    delaysMs: endpoint.retryDelaysMs,
    attemptsInRun: delivery.attemptsInRun + 1,
    random: Math.random(),
    nowMs: Date.now(),
  };
  return {
    outcome: {
      attemptId: newId('att'),
      deliveryId,
      lease,
      number: delivery.attempts + 1,
      trigger,
      startedAt: report.startedAt,
      durationMs: report.durationMs,
      status: report.result.kind === 'response' ? report.result.status : undefined,
      error: report.error,
      errorDetail: report.errorDetail,
      responseBody: report.responseBody,
      next: decide(report.result, context),
      toBacklog: false,
    },
    toBacklog,
    messageId,
    endpointId,
    endpointVersion: endpoint.version,
    createdAtMs,
    gone: false,
    orElse: () => retryOrGiveUp(context),
  };
}

function bytesOf({ responseBody = '', errorDetail = '' }: AttemptOutcome): number {
  return OUTCOME_BYTES + (responseBody.length + errorDetail.length) * BYTES_PER_CHARACTER;
}

function countAttempt(metrics: WebhookMetrics, report: AttemptReport): void {
  metrics.attemptDuration.observe(report.durationMs / 1000);
  if (report.error === undefined) metrics.attempts.inc({ outcome: 'succeeded' });
  else if (report.error === 'timeout' || report.error === 'blocked') metrics.attempts.inc({ outcome: report.error });
  else metrics.attempts.inc({ outcome: report.error === 'http-410' ? 'gone' : 'failed' });
}
