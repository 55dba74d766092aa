import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ReplayableState } from '../rules/replay-filter';
import { backlogWorkflowOf } from './backlog';
import { PLACE_AFTER_REVIVAL } from './ordering';

/**
 * Closes the open dead letters of deliveries, locked in the order of their ids.
 *
 * @param as - `discarded` with who did it and why
 * @returns the deliveries whose dead letter this call has closed
 */
export async function closeDeadLetters(
  db: Queryable,
  deliveryIds: readonly string[],
  as: { state: 'retried' } | { state: 'discarded'; reason: string; by: string },
): Promise<string[]> {
  const { rows } = await db.query<{ delivery_id: string }>({
    name: 'close-dead-letters',
    text: `WITH open AS MATERIALIZED (
             SELECT id FROM dead_letters WHERE delivery_id = ANY ($1::uuid[]) AND state = 'open' ORDER BY id FOR UPDATE
           )
           UPDATE dead_letters l SET state = $2, resolved_at = now(), resolved_reason = $3, resolved_by = $4
           FROM open WHERE l.id = open.id RETURNING l.delivery_id`,
    values: [
      deliveryIds,
      as.state,
      as.state === 'discarded' ? as.reason : null,
      as.state === 'discarded' ? as.by : null,
    ],
  });
  return rows.map((row) => row.delivery_id);
}

export interface Reopening {
  replayId: PublicId;
  /** Deliveries that changed since then stay as they are: another has replayed them, or they were attempted. */
  askedAt: Date;
  states: readonly ReplayableState[];
  /** Dead ones whose dead letter the caller has closed for this. */
  revived: readonly string[];
  /** Whether their endpoint is paused, or its circuit open: they are held until that is over. */
  held: boolean;
}

/**
 * Reopens deliveries of one endpoint: they are due in its backlog, with the whole retry schedule ahead.
 *
 * @returns how many
 */
export async function reopenDeliveries(
  db: Queryable,
  deliveryIds: readonly string[],
  { replayId, askedAt, states, revived, held }: Reopening,
): Promise<number> {
  const { rowCount } = await db.query({
    name: 'reopen-deliveries',
    text: `WITH wanted AS MATERIALIZED (
             SELECT d.id FROM deliveries d
             WHERE d.id = ANY ($1::uuid[]) AND d.updated_at < $2
               AND CASE d.state
                     WHEN 'dead' THEN d.id = ANY ($4::uuid[]) OR ('discarded' = ANY ($3::text[]) AND NOT EXISTS (
                       SELECT FROM dead_letters l WHERE l.delivery_id = d.id AND l.state = 'open'))
                     WHEN 'retrying' THEN 'retrying' = ANY ($3::text[]) AND (d.claim IS NULL OR d.next_attempt_at <= now())
                     ELSE d.state = ANY ($3::text[]) END
             ORDER BY d.id FOR UPDATE OF d
           ), numbered AS MATERIALIZED (
             SELECT id, row_number() OVER (ORDER BY id) AS n FROM wanted
           )
           UPDATE deliveries d
           SET state = CASE WHEN $6 THEN 'held' ELSE 'retrying' END, attempts_before = d.attempts, claim = NULL,
               next_attempt_at = CASE WHEN NOT $6 THEN now() + w.n * interval '1 microsecond' END, backlog = NOT $6,
               workflow_id = ${backlogWorkflowOf('d.endpoint_id')}, replay_id = $5, updated_at = now(),
               replayed_from = CASE WHEN d.id = ANY ($4::uuid[]) THEN 'dead' WHEN d.state = 'dead' THEN 'discarded'
                                    WHEN d.state <> 'retrying' THEN d.state END,
               sequence = CASE WHEN d.state = 'retrying' THEN d.sequence
                               WHEN d.id = ANY ($4::uuid[]) THEN ${PLACE_AFTER_REVIVAL} END
           FROM numbered w WHERE d.id = w.id`,
    values: [deliveryIds, askedAt, states, revived, toUuid(replayId), held],
  });
  return rowCount ?? 0;
}

/** A page of what a replay has reopened. */
export interface ReturnedPage {
  /** How many deliveries were looked at. */
  seen: number;
  /** The last of them. */
  last: string | undefined;
  /** How many were brought back. */
  returned: number;
}

/**
 * Brings deliveries back to where a replay took them from, a page of them in the order of their ids: those that nobody has
 * attempted since, nor is attempting, nor has retried by another command. What waited for an attempt before the replay goes
 * on waiting for it. Index: deliveries_of_replay.
 *
 * @param after - the last of the page before
 */
export async function returnDeliveries(
  db: Queryable,
  replayId: PublicId,
  after: string | undefined,
  limit: number,
): Promise<ReturnedPage> {
  const { rows } = await db.query<{ seen: number; last: string | null; returned: number }>({
    name: 'return-deliveries',
    text: `WITH page AS MATERIALIZED (
             SELECT id FROM deliveries
             WHERE (replay_id, id) > ($1, $2::uuid) AND (replay_id, id) <= ($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               AND replay_id IS NOT NULL
             ORDER BY replay_id, id LIMIT $3
           ), untouched AS MATERIALIZED (
             SELECT d.id, d.replayed_from FROM deliveries d
             WHERE d.id = ANY (ARRAY(SELECT id FROM page)) AND d.replay_id = $1 AND d.replayed_from IS NOT NULL
               AND d.attempts = d.attempts_before AND d.claim IS NULL AND (d.state = 'held' OR d.state = 'retrying' AND d.backlog)
             ORDER BY d.id FOR UPDATE OF d
           ), returned AS (
             UPDATE deliveries d
             SET state = CASE u.replayed_from WHEN 'discarded' THEN 'dead' ELSE u.replayed_from END, backlog = false,
                 next_attempt_at = NULL, replay_id = NULL, replayed_from = NULL, updated_at = now()
             FROM untouched u WHERE d.id = u.id RETURNING d.id, u.replayed_from
           ), reopened AS (
             UPDATE dead_letters l SET state = 'open', resolved_at = NULL
             FROM returned r, LATERAL (SELECT x.id FROM dead_letters x WHERE x.delivery_id = r.id
                                       ORDER BY x.id DESC LIMIT 1) newest
             WHERE r.replayed_from = 'dead' AND l.id = newest.id AND l.state = 'retried'
           )
           SELECT (SELECT count(*)::int FROM page) AS seen, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
                  (SELECT count(*)::int FROM returned) AS returned`,
    values: [toUuid(replayId), after ?? '0'.repeat(32), limit],
  });
  const [row] = rows;
  return { seen: row?.seen ?? 0, last: row?.last ?? undefined, returned: row?.returned ?? 0 };
}

/** The ordered endpoints among those of these deliveries. */
export async function findLines(db: Queryable, deliveryIds: readonly string[]): Promise<PublicId[]> {
  const { rows } = await db.query<{ endpoint_id: string }>({
    name: 'find-lines',
    text: 'SELECT DISTINCT endpoint_id FROM deliveries WHERE id = ANY ($1::uuid[]) AND sequence IS NOT NULL',
    values: [deliveryIds],
  });
  return rows.map((row) => fromUuid('ep', row.endpoint_id));
}

/** How many of a replay's deliveries of an endpoint wait for their first attempt, counted up to `most`. */
export async function countWaiting(
  db: Queryable,
  replayId: PublicId,
  endpointId: PublicId,
  most: number,
): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-replay-waiting',
    text: `SELECT count(*)::int AS count FROM (
             SELECT FROM deliveries WHERE replay_id = $1 AND endpoint_id = $2 AND state IN ('pending', 'retrying')
               AND attempts = attempts_before LIMIT $3) waiting`,
    values: [toUuid(replayId), toUuid(endpointId), most],
  });
  return rows[0]?.count ?? 0;
}

/** Some endpoints for which deliveries of a replay wait. */
export async function findWaitingEndpoints(db: Queryable, replayId: PublicId, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ endpoint_id: string }>({
    name: 'find-replay-waiting',
    text: `SELECT DISTINCT endpoint_id FROM deliveries WHERE replay_id = $1 AND state IN ('pending', 'retrying')
             AND attempts = attempts_before LIMIT $2`,
    values: [toUuid(replayId), limit],
  });
  return rows.map((row) => row.endpoint_id);
}
