import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Lane } from '../rules/lane';
import { BACKLOG_WORKFLOW_PREFIX } from '../rules/workflow-names';
import { type Burying, bury } from './bury';
import { IS_HELD } from './circuit-state';
import { laneNamed } from './lanes';
import { IS_OPEN } from './open-state';

/** Matches what waits in a backlog, as the index `deliveries_backlog` says it. */
export const IN_BACKLOG = "state IN ('pending', 'retrying') AND backlog";

/** SQL for the id of the workflow that attends to the backlog of the endpoint in this column. */
export function backlogWorkflowOf(column: string): string {
  return `('${BACKLOG_WORKFLOW_PREFIX}ep_' || replace(${column}::text, '-', ''))`;
}

/** How long new deliveries go to a backlog after some were moved there, unless its workflow says otherwise. */
const FIRST_STAY_MS = 60_000;

/** How far a process's clock, which says when a message was accepted, may be off and still be believed. */
const CLOCKS_APART = "interval '1 minute'";

/**
 * Moves deliveries to their endpoints' backlogs, where they are due at once, first attempts as of when their messages
 * were accepted; new ones follow them there.
 *
 * @param lease - the lease that the caller holds and gives up; undefined for deliveries that are due and free
 * @returns those that were moved
 */
export async function moveToBacklog(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  lease: string | undefined,
): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'move-to-backlog',
    text: `WITH moved AS (
             UPDATE deliveries SET backlog = true, workflow_id = ${backlogWorkflowOf('endpoint_id')},
                    claim = CASE WHEN $2::uuid IS NULL THEN claim END,
                    next_attempt_at = CASE WHEN $2::uuid IS NULL THEN next_attempt_at
                                           WHEN attempts = 0 THEN least(now(), greatest(created_at, now() - ${CLOCKS_APART}))
                                           ELSE now() END,
                    updated_at = now()
             WHERE id = ANY ($1::uuid[]) AND state ${IS_OPEN}
               AND (claim = $2::uuid OR ($2::uuid IS NULL AND (claim IS NULL OR next_attempt_at <= now())))
             RETURNING id, endpoint_id
           ), behind AS (
             SELECT id FROM endpoints
             WHERE id IN (SELECT endpoint_id FROM moved)
               AND (backlog_until IS NULL OR backlog_until < now() + $3::int / 2 * interval '1 millisecond')
             FOR NO KEY UPDATE SKIP LOCKED
           ), marked AS (
             UPDATE endpoints SET backlog_until = now() + $3::int * interval '1 millisecond'
             WHERE id IN (SELECT id FROM behind)
           )
           SELECT id FROM moved`,
    values: [deliveryIds.map(toUuid), lease, FIRST_STAY_MS],
  });
  return rows.map((row) => fromUuid('dlv', row.id));
}

/** Where an endpoint's backlog stands. */
export interface BacklogState {
  /** Deliveries in it, counted up to {@link MOST_COUNTED}. */
  open: number;
  /** Whether one is due that nobody attempts. */
  due: boolean;
  /** Milliseconds until the next is due, or an attempt under way is worth looking at; 0 when one is due or none is left. */
  nextInMs: number;
  /** How late the most overdue is, in milliseconds. */
  overdueMs: number;
  /** What came of the last attempt of the one that is next. */
  lastError: string | undefined;
  attempts: number;
  /** The most urgent lane of which something is due; undefined when nothing is. */
  lane: Lane | undefined;
}

export const MOST_COUNTED = 10_000;

/** An attempt under way may fail long before its lease ends, so it is looked at again after this long. */
const LEASE_LOOK_MS = 10_000;

/** What waits for its turn has no time of its own: whether it may go is looked at again after this long. */
const TURN_LOOK_MS = 30_000;

export async function readBacklog(db: Queryable, endpointId: PublicId): Promise<BacklogState> {
  const { rows } = await db.query<{
    open: number;
    free_in_ms: number | null;
    held_in_ms: number | null;
    last_error: string | null;
    attempts: number | null;
    lane: number | null;
  }>({
    name: 'read-backlog',
    text: `SELECT (SELECT count(*)::int FROM (SELECT FROM deliveries WHERE endpoint_id = $1 AND ${IN_BACKLOG} LIMIT $2) counted)
                    AS open,
                  (extract(epoch FROM free.next_attempt_at - now()) * 1000)::float8 AS free_in_ms,
                  (extract(epoch FROM held.next_attempt_at - now()) * 1000)::float8 AS held_in_ms,
                  free.last_error, free.attempts,
                  (SELECT lanes.n FROM (VALUES (0), (1), (2)) AS lanes(n)
                   WHERE EXISTS (SELECT FROM deliveries WHERE endpoint_id = $1 AND ${IN_BACKLOG} AND lane = lanes.n
                                   AND next_attempt_at <= now())
                   ORDER BY lanes.n LIMIT 1) AS lane
           FROM (VALUES (1)) AS one
           LEFT JOIN LATERAL (
             SELECT next_attempt_at, last_error, attempts FROM deliveries
             WHERE endpoint_id = $1 AND ${IN_BACKLOG} AND (claim IS NULL OR next_attempt_at <= now())
             ORDER BY next_attempt_at NULLS LAST LIMIT 1) free ON true
           LEFT JOIN LATERAL (
             SELECT next_attempt_at FROM deliveries
             WHERE endpoint_id = $1 AND ${IN_BACKLOG} AND claim IS NOT NULL AND next_attempt_at > now()
             ORDER BY next_attempt_at LIMIT 1) held ON true`,
    values: [toUuid(endpointId), MOST_COUNTED + 1],
  });
  const row = rows[0];
  const freeInMs = row?.free_in_ms ?? undefined;
  const heldInMs = row?.held_in_ms ?? undefined;
  const soonest = Math.min(
    (row?.open ?? 0) > 0 ? TURN_LOOK_MS : Number.POSITIVE_INFINITY,
    freeInMs ?? Number.POSITIVE_INFINITY,
    heldInMs === undefined ? Number.POSITIVE_INFINITY : Math.min(heldInMs, LEASE_LOOK_MS),
  );
  return {
    open: row?.open ?? 0,
    due: freeInMs !== undefined && freeInMs <= 0,
    nextInMs: Number.isFinite(soonest) ? Math.max(0, Math.ceil(soonest)) : 0,
    overdueMs: freeInMs === undefined ? 0 : Math.max(0, -freeInMs),
    lastError: row?.last_error ?? undefined,
    attempts: row?.attempts ?? 0,
    lane: row?.lane === null || row?.lane === undefined ? undefined : laneNamed(row.lane),
  };
}

/** Says for how long new deliveries go to an endpoint's backlog: 0 for no longer. */
export async function keepBacklog(db: Queryable, endpointId: PublicId, forMs: number): Promise<void> {
  await db.query({
    name: 'keep-backlog',
    text: `UPDATE endpoints SET backlog_until = CASE WHEN $2::int > 0 THEN now() + $2::int * interval '1 millisecond' END
           WHERE id = $1 AND (backlog_until IS NOT NULL OR $2::int > 0)`,
    values: [toUuid(endpointId), forMs],
  });
}

/**
 * Makes dead letters of what has been due in an endpoint's backlog for longer than so many milliseconds.
 *
 * @param limit - at most so many in one statement
 * @returns how many
 */
export async function buryExpired(
  db: Queryable,
  endpointId: PublicId,
  maxOverdueMs: number,
  limit: number,
): Promise<number> {
  return bury(db, BURY_EXPIRED, { endpointId, longerThanMs: maxOverdueMs, limit });
}

const BURY_EXPIRED: Burying = {
  name: 'bury-expired-backlog',
  reason: 'backlog-expired',
  expired: `
    SELECT d.id FROM deliveries d
    WHERE d.endpoint_id = $1 AND ${IN_BACKLOG} AND d.claim IS NULL
      AND d.next_attempt_at < now() - $2::float8 * interval '1 millisecond'
    ORDER BY d.next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
};

/** Whether anything waits in an endpoint's backlog. */
export async function hasBacklog(db: Queryable, endpointId: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'has-backlog',
    text: `SELECT FROM deliveries WHERE endpoint_id = $1 AND ${IN_BACKLOG} LIMIT 1`,
    values: [toUuid(endpointId)],
  });
  return rowCount === 1;
}

/** An endpoint with deliveries that it could not take at once. */
export interface Backlog {
  endpointId: PublicId;
  tenantId: PublicId;
}

/** Backlogs in which a delivery is overdue by more than the grace while no workflow says that it attends to it. */
export async function findUnattendedBacklogs(db: Queryable, graceMs: number, limit: number): Promise<Backlog[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string }>({
    name: 'find-unattended-backlogs',
    text: `WITH RECURSIVE behind AS (
             (SELECT endpoint_id FROM deliveries WHERE ${IN_BACKLOG} ORDER BY endpoint_id LIMIT 1)
             UNION ALL
             SELECT (SELECT d.endpoint_id FROM deliveries d WHERE ${IN_BACKLOG} AND d.endpoint_id > b.endpoint_id
                     ORDER BY d.endpoint_id LIMIT 1)
             FROM behind b WHERE b.endpoint_id IS NOT NULL
           )
           SELECT e.id, e.tenant_id FROM behind b JOIN endpoints e ON e.id = b.endpoint_id
           WHERE (e.backlog_until IS NULL OR e.backlog_until < now())
             AND (EXISTS (SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND ${IN_BACKLOG}
                            AND d.next_attempt_at < now() - $1::int * interval '1 millisecond')
                  OR NOT ${IS_HELD} AND EXISTS (
                    SELECT FROM deliveries d
                    WHERE d.endpoint_id = e.id AND ${IN_BACKLOG} AND d.next_attempt_at IS NULL))
           LIMIT $2`,
    values: [graceMs, limit],
  });
  return rows.map((row) => ({ endpointId: fromUuid('ep', row.id), tenantId: fromUuid('ten', row.tenant_id) }));
}
