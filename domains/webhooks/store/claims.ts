import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { IS_OPEN } from './open-state';

/** A due delivery that was asked for, and what claiming it came to. */
export type ClaimResult =
  | {
      outcome: 'claimed';
      deliveryId: PublicId;
      messageId: PublicId;
      endpointId: PublicId;
      endpointVersion: number;
      body: string;
      /** Attempts made so far, in all and in this run of the schedule. */
      attempts: number;
      attemptsInRun: number;
      createdAt: Date;
    }
  /** Somebody else holds it, it is not due, or it was settled instead: see {@link claimDue}. */
  | { outcome: 'not-claimed' };

// What an endpoint's state makes of a due delivery is decided here, in the statement that would hand it out:
// deleted → cancelled, disabled or content expired → dead letter, paused → held.
const CLAIM_DUE = `
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS w(id, dead_letter, n)
), due AS (
  SELECT d.id FROM deliveries d
  WHERE d.id = ANY ($1::uuid[]) AND d.state ${IS_OPEN} AND d.next_attempt_at <= now()
  ORDER BY d.id
  FOR UPDATE SKIP LOCKED
), judged AS (
  SELECT d.id, w.n, w.dead_letter, e.version, m.body, e.timeout_ms,
         CASE WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
              WHEN e.state = 'disabled' OR m.body IS NULL OR m.content_expires_at <= now() THEN 'dead'
              WHEN e.state = 'paused' THEN 'held'
              ELSE d.state END AS state,
         CASE WHEN e.state = 'disabled' THEN 'endpoint-disabled' ELSE 'content-expired' END AS reason
  FROM due
  JOIN deliveries d ON d.id = due.id
  JOIN wanted w ON w.id = d.id
  JOIN endpoints e ON e.id = d.endpoint_id
  LEFT JOIN messages m ON m.id = d.message_id
), moved AS (
  UPDATE deliveries d
  SET state = j.state, updated_at = now(),
      claim = CASE WHEN j.state IN ('pending', 'retrying') THEN $3::uuid END,
      next_attempt_at = CASE WHEN j.state IN ('pending', 'retrying')
                             THEN now() + (j.timeout_ms + $4::int) * interval '1 millisecond' END
  FROM judged j WHERE d.id = j.id
  RETURNING d.id, j.n, d.state, d.message_id, d.endpoint_id, d.attempts, d.attempts_before, d.created_at, d.tenant_id,
            d.event_type, d.last_status, d.last_error, j.version, j.body, j.dead_letter, j.reason
), buried AS (
  INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                            last_error, attempts, created_at)
  SELECT dead_letter, tenant_id, id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, now()
  FROM moved WHERE state = 'dead'
)
SELECT n::int, id, message_id, endpoint_id, version, body, attempts, attempts_before, created_at
FROM moved WHERE state IN ('pending', 'retrying')`;

interface Row {
  n: number;
  id: string;
  message_id: string;
  endpoint_id: string;
  version: number;
  body: string;
  attempts: number;
  attempts_before: number;
  created_at: Date;
}

/**
 * Takes the lease of those of these deliveries that are due and free. Due ones whose endpoint is deleted, disabled or
 * paused, or whose content has expired, are settled or held instead.
 *
 * @param claim - the lease's token, needed to record the outcome
 * @param leaseSlackMs - what a lease lasts beyond the endpoint's timeout
 * @returns one result a delivery, in their order
 */
export async function claimDue(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  claim: string,
  leaseSlackMs: number,
): Promise<ClaimResult[]> {
  const { rows } = await db.query<Row>({
    name: 'claim-due',
    text: CLAIM_DUE,
    values: [deliveryIds.map(toUuid), deliveryIds.map(() => toUuid(newId('deadLetter'))), claim, leaseSlackMs],
  });
  const results: ClaimResult[] = deliveryIds.map(() => ({ outcome: 'not-claimed' }));
  for (const row of rows) {
    results[row.n - 1] = {
      outcome: 'claimed',
      deliveryId: fromUuid('delivery', row.id),
      messageId: fromUuid('message', row.message_id),
      endpointId: fromUuid('endpoint', row.endpoint_id),
      endpointVersion: row.version,
      body: row.body,
      attempts: row.attempts,
      attemptsInRun: row.attempts - row.attempts_before,
      createdAt: row.created_at,
    };
  }
  return results;
}

/** Gives up leases without an attempt: the deliveries are due for whoever comes, at once or after a pause. */
export async function releaseClaims(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  claim: string,
  pauseMs = 0,
): Promise<void> {
  await db.query({
    name: 'release-claims',
    text: `UPDATE deliveries SET claim = NULL, next_attempt_at = now() + $3::int * interval '1 millisecond', updated_at = now()
           WHERE id = ANY ($1::uuid[]) AND claim = $2 AND state ${IS_OPEN}`,
    values: [deliveryIds.map(toUuid), claim, pauseMs],
  });
}

/** A delivery that is not final, as a workflow's round sees it. */
export interface OpenDelivery {
  id: PublicId;
  endpointId: PublicId;
  /** Whether an attempt is to be made now. */
  due: boolean;
  /**
   * Milliseconds until the next attempt is due, 0 when it is; while an attempt is under way, until it is worth looking
   * again: it may fail long before its lease ends, and be due again after the schedule's first delay.
   */
  dueInMs: number;
  attempts: number;
  lastStatus: number | undefined;
  lastError: string | undefined;
}

/** How many of a batch's deliveries are in each state, and those that are open. */
export interface BatchState {
  counts: Record<string, number>;
  open: OpenDelivery[];
}

/** How soon, at least and at most, a delivery under a lease is looked at again. */
const LEASE_LOOK_LEAST_MS = 1_000;
const LEASE_LOOK_MOST_MS = 5_000;

/** Where a batch of deliveries stands, in one statement. */
export async function readBatch(db: Queryable, deliveryIds: readonly PublicId[]): Promise<BatchState> {
  const { rows } = await db.query<{
    id: string;
    endpoint_id: string;
    state: string;
    due_in_ms: number | null;
    attempts: number;
    last_status: number | null;
    last_error: string | null;
  }>({
    name: 'read-batch',
    text: `SELECT d.id, d.endpoint_id, d.state, d.attempts, d.last_status, d.last_error,
                  greatest(0, least(
                    ceil(extract(epoch FROM d.next_attempt_at - now()) * 1000),
                    CASE WHEN d.claim IS NOT NULL
                         THEN least(greatest(e.retry_delays_ms[1], $2::int), $3::int) END))::float8 AS due_in_ms
           FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id WHERE d.id = ANY ($1::uuid[])`,
    values: [deliveryIds.map(toUuid), LEASE_LOOK_LEAST_MS, LEASE_LOOK_MOST_MS],
  });
  const counts: Record<string, number> = {};
  const open: OpenDelivery[] = [];
  for (const row of rows) {
    counts[row.state] = (counts[row.state] ?? 0) + 1;
    if (row.state !== 'pending' && row.state !== 'retrying') continue;
    const dueInMs = row.due_in_ms ?? 0;
    open.push({
      id: fromUuid('delivery', row.id),
      endpointId: fromUuid('endpoint', row.endpoint_id),
      due: dueInMs === 0,
      dueInMs,
      attempts: row.attempts,
      lastStatus: row.last_status ?? undefined,
      lastError: row.last_error ?? undefined,
    });
  }
  return { counts, open };
}
