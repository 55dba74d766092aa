import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import { newId, type PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { isItemFault } from '../../../infra/postgres/errors';
import { inTransaction } from '../../../infra/postgres/pool';
import type { WebhookMetrics } from '../metrics';
import { deliveryEvent } from '../operational/delivery-events';
import { disabledEvent } from '../operational/disabled-event';
import { createRecording, type ToldOutcome } from '../operational/record-with-events';
import { type OwnEvent, type StoredEvent, storeEvent } from '../publishing/publish-event';
import { decide, retryOrGiveUp, type Transition } from '../rules/attempt-outcome';
import { healthOf, trippedBy } from '../rules/circuit';
import { type AttemptOutcome, disableGoneEndpoint, GONE_REASON, type RecordedOutcome } from '../store/attempt-outcomes';
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
  endpoint: Pick<EndpointConfig, 'version' | 'retryDelaysMs'> &
    Partial<Pick<EndpointConfig, 'circuit' | 'fallbackUrl' | 'url'>>;
  report: AttemptReport;
  /** Whether it was made at the endpoint's fallback URL, and so says nothing of the endpoint. */
  fallback: boolean;
  /** Whether a retry is to wait in the endpoint's backlog; asked when it is recorded. */
  toBacklog(): boolean;
}

/** An endpoint whose circuit is to open, and why. */
export interface TrippedCircuit {
  endpointId: PublicId;
  tenantId: PublicId;
  reason: string;
  lastError: string | undefined;
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
  /** Called when what is counted of an endpoint says that its circuit is to open; many times, while it is. */
  onTripped(circuit: TrippedCircuit): void;
  /** Has events delivered that were stored along with outcomes. Never rejects. */
  onEvents(events: readonly StoredEvent[]): Promise<void>;
}): DeliveryRecorder {
  const { pool, metrics, log, onTripped, onEvents } = deps;
  const hold = createOutcomeHold(deps.hold);

  const commits = new GroupCommit<ToldOutcome, RecordedOutcome>({
    maxBatch: MAX_BATCH,
    maxInFlight: COMMITS_IN_FLIGHT,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: createRecording({ pool, deliver: onEvents }),
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe({ kind: 'outcomes' }, size),
  });

  /** Whether a 410 ends the delivery; not that of an endpoint which was corrected or enabled during the attempt. */
  async function isGone({ endpointId, tenantId, endpointVersion, url = '' }: Facts): Promise<boolean> {
    const { now, stored } = await inTransaction(pool, async (client) => {
      const gone = await disableGoneEndpoint(client, endpointId, endpointVersion);
      if (gone !== 'disabled') return { now: gone, stored: [] };
      const version = endpointVersion + 1;
      const event = disabledEvent({ id: endpointId, tenantId, url, version, reason: GONE_REASON });
      return { now: gone, stored: [await storeEvent(client, event)] };
    });
    void onEvents(stored);
    if (now === 'disabled') log.warn({ endpointId }, 'endpoint disabled: it answered 410 Gone');
    return now !== 'changed';
  }

  async function record(facts: Facts): Promise<RecordedOutcome> {
    const { outcome } = facts;
    // Disabled first, so that after a crash in between the delivery is held instead of being sent again.
    if (outcome.next.state === 'dead' && outcome.next.reason === 'gone' && !facts.gone) {
      if (await isGone(facts)) facts.gone = true;
      else outcome.next = facts.orElse();
    }
    if (outcome.trigger === 'probe' && mayBeHeld(outcome.next)) outcome.next = facts.afterProbe;
    outcome.toBacklog = outcome.next.state === 'retrying' && facts.toBacklog();
    return commits.add({ outcome, event: facts.eventOf(outcome) });
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
    tellIfTripped(facts, recorded);
    if (next.state === 'held') return next;
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

  function tellIfTripped({ outcome, endpointId, tenantId, circuit }: Facts, { counters }: RecordedOutcome): void {
    if (counters === undefined || circuit === undefined || outcome.health?.good !== false) return;
    const reason = trippedBy(counters, circuit);
    if (reason !== undefined) onTripped({ endpointId, tenantId, reason, lastError: outcome.error });
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
  tenantId: PublicId;
  circuit: EndpointConfig['circuit'] | undefined;
  url: string | undefined;
  /** The version that the attempt used. */
  endpointVersion: number;
  createdAtMs: number;
  /** Whether its endpoint is disabled for it already. */
  gone: boolean;
  toBacklog(): boolean;
  /** What is told of the outcome, once it is decided. */
  eventOf(outcome: AttemptOutcome): OwnEvent | undefined;
  /** What follows from a probe that has failed: its delivery is held again, or goes to the fallback at once. */
  afterProbe: AttemptOutcome['next'];
  /** What follows if the outcome says nothing about the endpoint as it is now. */
  orElse(): Transition;
}

/** A probe costs its delivery none of its retries: it is made for the endpoint's sake. */
function mayBeHeld(next: AttemptOutcome['next']): boolean {
  return next.state === 'retrying' || (next.state === 'dead' && next.reason === 'exhausted');
}

/** What an attempt says of its endpoint; a probe's result is for its circuit alone. */
function healthTold(
  { endpointId, tenantId }: LeasedDelivery,
  { trigger, endpoint, report, fallback }: MadeAttempt,
): AttemptOutcome['health'] {
  const health = healthOf(report.error);
  if (endpoint.circuit?.enabled !== true || fallback || trigger === 'probe' || health === 'unknown') return undefined;
  return { endpointId, tenantId, good: health === 'good', windowSeconds: endpoint.circuit.windowSeconds };
}

function factsOf(delivery: LeasedDelivery, made: MadeAttempt): Facts {
  const { trigger, endpoint, report, toBacklog, fallback } = made;
  const { deliveryId, messageId, endpointId, tenantId, lease, createdAtMs } = delivery;
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
      fallback,
      health: healthTold(delivery, made),
    },
    toBacklog,
    messageId,
    endpointId,
    tenantId,
    circuit: endpoint.circuit,
    url: endpoint.url,
    endpointVersion: endpoint.version,
    createdAtMs,
    gone: false,
    afterProbe: endpoint.fallbackUrl === undefined ? { state: 'held' } : { state: 'retrying', delayMs: 0 },
    eventOf: toldOf(delivery),
    orElse: () => retryOrGiveUp(context),
  };
}

/** Holds what an event says of a delivery, not its body. */
function toldOf(delivery: LeasedDelivery): Facts['eventOf'] {
  const facts = { ...delivery, body: '' };
  return (outcome) => deliveryEvent(facts, outcome);
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
