import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DeadReason } from '../rules/attempt-outcome';
import { type CircuitCounters, type HealthTally, tally } from '../rules/circuit';
import { gridOf } from '../rules/retry-schedule';
import { backlogWorkflowOf } from './backlog';
import { IS_OPEN } from './open-state';
import { recoverAt } from './recoverable';

/** An attempt that was made, and what follows from it. */
export interface AttemptOutcome {
  attemptId: PublicId;
  deliveryId: PublicId;
  /** The lease under which it was made. */
  lease: string;
  /** 1 for a delivery's first attempt. */
  number: number;
  trigger: 'accept' | 'schedule' | 'probe';
  startedAt: Date;
  durationMs: number;
  status: number | undefined;
  /** A code such as `timeout` or `http-503`; undefined after a success. */
  error: string | undefined;
  errorDetail: string | undefined;
  responseBody: string | undefined;
  /** `held`: again, after a probe that has failed; its retry schedule is as it was. */
  next:
    | { state: 'delivered' }
    | { state: 'retrying'; delayMs: number }
    | { state: 'dead'; reason: DeadReason }
    | { state: 'held' };
  /** Whether a delivery that is to be retried waits for that in its endpoint's backlog. */
  toBacklog: boolean;
  /** Whether it was made at the endpoint's fallback URL. */
  fallback?: boolean;
  /** What it says of its endpoint; absent when that is not counted. */
  health?: { endpointId: PublicId; tenantId: PublicId; good: boolean; windowSeconds: number } | undefined;
}

/**
 * A connection that broke without a word is given up after this long, well before the pool's own limit: the outcomes can
 * be recorded over another one, and twice does no harm.
 */
const ANSWER_WITHIN_MS = 10_000;

const IN_WINDOW = `c.window_started_at > now() - interval '1 second'
          * (SELECT t.seconds FROM told t WHERE t.endpoint = c.endpoint_id LIMIT 1)`;

// What attempts say of their endpoints is counted here, for all processes together; an endpoint of which nothing bad has
// been heard in its window costs one look-up. Rows are locked in one order, so that batches never wait for each other in
// a circle.
//
// The attempt is recorded in any case: it happened. Only the holder of the lease moves the delivery, except that any
// success is final: the receiver has the message.
const RECORD_OUTCOMES = `
WITH o AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS o(
    n int, attempt uuid, delivery uuid, lease uuid, number int, trigger text, started timestamptz, ms int, outcome text,
    status smallint, error text, detail text, response text, state text, delay int, grid int, backlog boolean,
    dead_letter uuid, reason text, fallback boolean)
), logged AS (
  INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome, status, error, error_detail,
                        response_body, fallback)
  SELECT delivery, attempt, number, trigger, started, ms, outcome, status, error, detail, response, fallback FROM o
  ON CONFLICT DO NOTHING
), moved AS (
  UPDATE deliveries d
  SET state = o.state, attempts = greatest(d.attempts, o.number), claim = NULL, last_status = o.status,
      last_error = o.error, updated_at = now(),
      attempts_before = d.attempts_before + CASE WHEN o.trigger = 'probe' THEN 1 ELSE 0 END,
      next_attempt_at = CASE WHEN o.state = 'held' THEN NULL
                             WHEN o.grid IS NULL THEN now() + o.delay * interval '1 millisecond'
                             ELSE date_bin(o.grid * interval '1 millisecond',
                                           now() + (o.delay + o.grid) * interval '1 millisecond', 'epoch') END,
      backlog = o.state = 'retrying' AND (d.backlog OR o.backlog),
      workflow_id = CASE WHEN o.state = 'retrying' AND o.backlog THEN ${backlogWorkflowOf('d.endpoint_id')}
                         ELSE d.workflow_id END
  FROM o
  WHERE d.id = o.delivery AND d.state ${IS_OPEN} AND (d.claim = o.lease OR o.state = 'delivered')
  RETURNING d.id, o.n, d.state, d.next_attempt_at, d.created_at, o.dead_letter, d.tenant_id, d.message_id,
            d.endpoint_id, d.event_type, o.reason, d.last_status, d.last_error, d.attempts, d.backlog, d.recoveries
), buried AS (
  INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                            last_error, attempts, created_at, recoveries, recover_at)
  SELECT dead_letter, tenant_id, id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, now(),
         recoveries, ${recoverAt('recoveries')}
  FROM moved WHERE state = 'dead'
), told AS MATERIALIZED (
  SELECT * FROM json_to_recordset($2::json) AS t(
    endpoint uuid, tenant uuid, attempts int, failures int, in_row int, seconds int)
), counted AS (
  INSERT INTO endpoint_circuits AS c (endpoint_id, tenant_id, failures_in_row, window_attempts, window_failures)
  SELECT endpoint, tenant, in_row, attempts, failures FROM told t
  WHERE failures > 0 OR EXISTS (
    SELECT FROM endpoint_circuits k WHERE k.endpoint_id = t.endpoint
      AND (k.failures_in_row > 0
           OR k.window_failures > 0 AND k.window_started_at > now() - t.seconds * interval '1 second'))
  ORDER BY endpoint
  ON CONFLICT (endpoint_id) DO UPDATE
  SET failures_in_row = excluded.failures_in_row
        + CASE WHEN excluded.window_attempts > excluded.window_failures THEN 0 ELSE c.failures_in_row END,
      window_started_at = CASE WHEN ${IN_WINDOW} THEN c.window_started_at ELSE now() END,
      window_attempts = excluded.window_attempts + CASE WHEN ${IN_WINDOW} THEN c.window_attempts ELSE 0 END,
      window_failures = excluded.window_failures + CASE WHEN ${IN_WINDOW} THEN c.window_failures ELSE 0 END
  RETURNING endpoint_id, failures_in_row, window_attempts, window_failures
)
SELECT n, next_attempt_at, backlog, NULL::int, NULL::int, NULL::int, NULL::uuid FROM moved
UNION ALL
SELECT NULL, NULL, NULL, failures_in_row, window_attempts, window_failures, endpoint_id FROM counted`;

/** Whether the outcome moved the delivery, and when its next attempt is due. */
export interface RecordedOutcome {
  moved: boolean;
  nextAttemptAt: Date | undefined;
  /** Whether it waits in its endpoint's backlog now. */
  inBacklog: boolean;
  /** What is counted of its endpoint now; absent where nothing was. */
  counters?: CircuitCounters | undefined;
}

type OutcomeRow = [
  number | null,
  Date | null,
  boolean | null,
  number | null,
  number | null,
  number | null,
  string | null,
];

/** Records a batch of outcomes in one statement: attempts, the deliveries' states, dead letters. */
export async function recordOutcomes(db: Queryable, outcomes: readonly AttemptOutcome[]): Promise<RecordedOutcome[]> {
  const input = outcomes.map((outcome, n) => ({
    n,
    attempt: toUuid(outcome.attemptId),
    delivery: toUuid(outcome.deliveryId),
    lease: outcome.lease,
    number: outcome.number,
    trigger: outcome.trigger,
    started: outcome.startedAt,
    ms: Math.round(outcome.durationMs),
    outcome: outcome.next.state === 'delivered' ? 'succeeded' : 'failed',
    status: outcome.status,
    error: outcome.error,
    detail: outcome.errorDetail,
    response: outcome.responseBody,
    state: outcome.next.state,
    delay: outcome.next.state === 'retrying' ? outcome.next.delayMs : undefined,
    grid: outcome.next.state === 'retrying' ? gridOf(outcome.next.delayMs) : undefined,
    backlog: outcome.toBacklog,
    dead_letter: outcome.next.state === 'dead' ? toUuid(newId('dl')) : undefined,
    reason: outcome.next.state === 'dead' ? outcome.next.reason : undefined,
    fallback: outcome.fallback === true,
  }));
  const { rows } = await db.query<OutcomeRow>({
    name: 'record-outcomes',
    text: RECORD_OUTCOMES,
    values: [JSON.stringify(input), JSON.stringify(healthOfEndpoints(outcomes))],
    rowMode: 'array',
    query_timeout: ANSWER_WITHIN_MS,
  });
  const results: RecordedOutcome[] = outcomes.map(() => ({ moved: false, nextAttemptAt: undefined, inBacklog: false }));
  const counted = new Map<PublicId, CircuitCounters>();
  for (const [n, nextAttemptAt, inBacklog, failuresInRow, attempts, failures, endpoint] of rows) {
    if (n !== null) {
      results[n] = { moved: true, nextAttemptAt: nextAttemptAt ?? undefined, inBacklog: inBacklog === true };
    } else if (endpoint !== null) {
      const counters = { failuresInRow: failuresInRow ?? 0, attempts: attempts ?? 0, failures: failures ?? 0 };
      counted.set(fromUuid('ep', endpoint), counters);
    }
  }
  if (counted.size === 0) return results;
  return results.map((result, n) => {
    const endpointId = outcomes[n]?.health?.endpointId;
    return endpointId === undefined ? result : { ...result, counters: counted.get(endpointId) };
  });
}

/** What a batch says of each of its endpoints, as the statement takes it. */
function healthOfEndpoints(outcomes: readonly AttemptOutcome[]) {
  const tallies = new Map<PublicId, { tenantId: PublicId; windowSeconds: number; tally: HealthTally }>();
  for (const { health } of outcomes) {
    if (health === undefined) continue;
    const { endpointId, tenantId, windowSeconds, good } = health;
    const before = tallies.get(endpointId)?.tally ?? { attempts: 0, failures: 0, failuresInRow: 0 };
    tallies.set(endpointId, { tenantId, windowSeconds, tally: tally(before, good) });
  }
  return [...tallies].map(([endpointId, { tenantId, windowSeconds, tally: told }]) => ({
    endpoint: toUuid(endpointId),
    tenant: toUuid(tenantId),
    attempts: told.attempts,
    failures: told.failures,
    in_row: told.failuresInRow,
    seconds: windowSeconds,
  }));
}

export const GONE_REASON = 'receiver answered 410 Gone';

/**
 * How an endpoint stands after a 410: disabled by this call or, for the same version, before it; or changed since the
 * attempt read it, and left as it is.
 */
export type GoneEndpoint = 'disabled' | 'was-disabled' | 'changed';

/**
 * After a 410: no further messages for this endpoint. Its other open deliveries are held when next due.
 *
 * @param version - the version that the attempt used; an endpoint that was corrected or enabled since is left alone
 */
export async function disableGoneEndpoint(db: Queryable, endpointId: PublicId, version: number): Promise<GoneEndpoint> {
  const { rowCount } = await db.query({
    name: 'disable-gone-endpoint',
    text: `WITH gone AS (
             UPDATE endpoints SET state = 'disabled', state_reason = $3, state_changed_at = now(), updated_at = now(),
                    version = version + 1, revision = revision + 1
             WHERE id = $1 AND version = $2 AND state <> 'disabled' AND deleted_at IS NULL RETURNING id
           ), unsubscribed AS (
             DELETE FROM endpoint_subscriptions s USING gone WHERE s.endpoint_id = gone.id
           )
           SELECT FROM gone`,
    values: [toUuid(endpointId), version, GONE_REASON],
  });
  if (rowCount === 1) return 'disabled';
  // A statement of its own: the first one's snapshot is older than a concurrent 410 that it may have waited for.
  const { rowCount: disabledBefore } = await db.query({
    name: 'was-gone-endpoint-disabled',
    text: `SELECT FROM endpoints
           WHERE id = $1 AND deleted_at IS NULL AND state = 'disabled'
             AND (version = $2 OR version = $2 + 1 AND state_reason = $3)`,
    values: [toUuid(endpointId), version, GONE_REASON],
  });
  return disabledBefore === 1 ? 'was-disabled' : 'changed';
}
