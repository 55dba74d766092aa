import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { backlogWorkflowOf, IN_BACKLOG } from './backlog';
import { type Burying, bury } from './bury';
import { IS_HELD } from './circuit-state';
import { HOLDING } from './held';
import { IS_OPEN } from './open-state';

/** Most held deliveries that are counted. */
export const MOST_HELD_COUNTED = 10_000;

/** How many deliveries are held for an endpoint, counted up to {@link MOST_HELD_COUNTED}. Index: deliveries_held. */
export async function countHeld(db: Queryable, endpointId: PublicId): Promise<number> {
  const { rows } = await db.query<{ held: number }>({
    name: 'count-held',
    text: `SELECT count(*)::int AS held
           FROM (SELECT FROM deliveries WHERE endpoint_id = $1 AND state = 'held' LIMIT $2) counted`,
    values: [toUuid(endpointId), MOST_HELD_COUNTED],
  });
  return rows[0]?.held ?? 0;
}

/**
 * Holds what waits in the backlog of an endpoint whose deliveries are held; not what waits for its turn there, which
 * nobody attempts before those that are held. Index: deliveries_backlog.
 *
 * @param limit - at most so many in one statement
 * @returns how many
 */
export async function holdBacklog(db: Queryable, endpointId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'hold-backlog',
    text: `WITH waiting AS MATERIALIZED (
             SELECT d.id FROM deliveries d
             WHERE d.endpoint_id = $1 AND ${IN_BACKLOG} AND d.claim IS NULL
               AND d.next_attempt_at IS NOT NULL AND (SELECT ${IS_HELD} FROM endpoints e WHERE e.id = $1)
             ORDER BY d.next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE deliveries d SET state = 'held', backlog = false, next_attempt_at = NULL, updated_at = now()
           FROM waiting w WHERE d.id = w.id`,
    values: [toUuid(endpointId), limit],
  });
  return rowCount ?? 0;
}

/**
 * Holds those of some due deliveries that nobody attempts and whose endpoints' deliveries are held.
 *
 * @returns which
 */
export async function holdDue(db: Queryable, deliveryIds: readonly PublicId[]): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'hold-due',
    text: `UPDATE deliveries d SET state = 'held', backlog = false, next_attempt_at = NULL, updated_at = now()
           FROM endpoints e
           WHERE d.id = ANY ($1::uuid[]) AND e.id = d.endpoint_id AND e.deleted_at IS NULL AND ${IS_HELD}
             AND d.state ${IS_OPEN} AND d.claim IS NULL
           RETURNING d.id`,
    values: [deliveryIds.map(toUuid)],
  });
  return rows.map((row) => fromUuid('dlv', row.id));
}

/** How much of what waits for an endpoint is let go by one statement. */
export interface Release {
  /** At most so many. */
  limit: number;
  /** None while its backlog is as long as this: it takes them more slowly than they are let go. */
  mostWaiting: number;
}

/** What a statement let go; `waiting` says that the endpoint has enough already. */
export interface Released {
  count: number;
  waiting: boolean;
}

/** Whether a draining endpoint has room for `$2` more, while fewer than `$3` wait in its backlog. */
export const ROOM = `SELECT $2::int AS n
              WHERE (SELECT count(*) FROM (SELECT FROM deliveries b WHERE b.endpoint_id = $1
                                             AND b.state IN ('pending', 'retrying') AND b.backlog
                                             AND b.next_attempt_at IS NOT NULL LIMIT $3) few) < $3
                AND EXISTS (SELECT FROM endpoints e WHERE e.id = $1 AND e.circuit = 'draining' AND e.state = 'enabled'
                              AND e.deleted_at IS NULL)`;

/**
 * Lets go of deliveries that are held for a draining endpoint, lane by lane, of each the oldest: into its backlog, due in the
 * same order. Index: deliveries_held_lanes.
 */
export async function releaseHeld(db: Queryable, endpointId: PublicId, release: Release): Promise<Released> {
  const { rows } = await db.query<{ released: number; room: boolean }>({
    name: 'release-held',
    text: `WITH room AS MATERIALIZED (${ROOM}), oldest AS MATERIALIZED (
             SELECT d.id FROM deliveries d
             WHERE d.endpoint_id = $1 AND d.state = 'held' AND EXISTS (SELECT FROM room)
             ORDER BY d.lane, d.id LIMIT $2 FOR UPDATE SKIP LOCKED
           ), numbered AS MATERIALIZED (
             SELECT id, row_number() OVER (ORDER BY id)::int AS n FROM oldest
           ), moved AS (
             UPDATE deliveries d
             SET state = CASE WHEN d.attempts = 0 THEN 'pending' ELSE 'retrying' END, backlog = true, claim = NULL,
                 workflow_id = ${backlogWorkflowOf('d.endpoint_id')},
                 next_attempt_at = now() + n * interval '1 microsecond', updated_at = now()
             FROM numbered o WHERE d.id = o.id RETURNING d.id
           )
           SELECT (SELECT count(*)::int FROM moved) AS released, EXISTS (SELECT FROM room) AS room`,
    values: [toUuid(endpointId), release.limit, release.mostWaiting],
  });
  return { count: rows[0]?.released ?? 0, waiting: rows[0]?.room !== true };
}

/**
 * Makes dead letters of what has been held for longer than its endpoint, or the configuration, allows. Index:
 * deliveries_held_since.
 *
 * @returns how many
 */
export async function buryHeld(
  db: Queryable,
  endpointId: PublicId,
  { holdForMs, limit }: { holdForMs: number; limit: number },
): Promise<number> {
  return bury(db, BURY_HELD, { endpointId, longerThanMs: holdForMs, limit });
}

const BURY_HELD: Burying = {
  name: 'bury-held',
  reason: 'held-too-long',
  expired: `
    SELECT d.id FROM deliveries d
    WHERE d.endpoint_id = $1 AND d.state = 'held'
      AND d.updated_at < now() - interval '1 millisecond'
            * coalesce((SELECT e.hold_for_ms FROM endpoints e WHERE e.id = $1), $2::float8)
    ORDER BY d.updated_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
};

/** Endpoints of which {@link buryHeld} would find something. Reads a row or two an endpoint of the indexes of held ones. */
export async function findHeldTooLong(db: Queryable, holdForMs: number, limit: number): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-held-too-long',
    text: `${HOLDING}
           SELECT e.id FROM holding h JOIN endpoints e ON e.id = h.endpoint_id
           WHERE EXISTS (SELECT FROM deliveries d
                         WHERE d.endpoint_id = e.id AND d.state = 'held'
                           AND d.updated_at < now() - interval '1 millisecond' * coalesce(e.hold_for_ms, $1::float8))
           LIMIT $2`,
    values: [holdForMs, limit],
  });
  return rows.map((row) => fromUuid('ep', row.id));
}
