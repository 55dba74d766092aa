import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { backlogWorkflowOf, IN_BACKLOG } from './backlog';
import { IS_HELD } from './circuit-state';

/** Whether what is held of the endpoint `e` may go, all at once. While its circuit drains it goes little by little. */
const IS_FREE = `(e.circuit <> 'draining' AND NOT ${IS_HELD})`;

/** What became of an endpoint's deliveries. */
export interface Settled {
  /** No longer held: gone to the endpoint's backlog. */
  released: number;
  cancelled: number;
}

/**
 * Has what is held for an endpoint, and what waits in its backlog, follow its state: enabled, what is held goes to the
 * backlog and is due; deleted, all are cancelled; paused, disabled, or while its circuit is open or drains, all stay.
 *
 * @param limit - at most so many of each kind in one statement
 */
export async function settleHeld(db: Queryable, endpointId: PublicId, limit: number): Promise<Settled> {
  const { rows } = await db.query<{ state: string; count: number }>({
    name: 'settle-held',
    text: `WITH held AS MATERIALIZED (
             SELECT d.id FROM deliveries d WHERE d.endpoint_id = $1 AND d.state = 'held' LIMIT $2 FOR UPDATE SKIP LOCKED
           ), waiting AS MATERIALIZED (
             SELECT d.id FROM deliveries d
             WHERE d.endpoint_id = $1 AND ${IN_BACKLOG} AND d.claim IS NULL
               AND (SELECT e.deleted_at IS NOT NULL FROM endpoints e WHERE e.id = $1)
             LIMIT $2 FOR UPDATE SKIP LOCKED
           ), moved AS (
             UPDATE deliveries d
             SET state = CASE WHEN e.deleted_at IS NOT NULL THEN 'cancelled' WHEN d.attempts = 0 THEN 'pending'
                              ELSE 'retrying' END,
                 backlog = e.deleted_at IS NULL,
                 workflow_id = CASE WHEN e.deleted_at IS NULL THEN ${backlogWorkflowOf('d.endpoint_id')}
                                    ELSE d.workflow_id END,
                 next_attempt_at = CASE WHEN e.deleted_at IS NULL THEN now() END, updated_at = now()
             FROM (SELECT id FROM held UNION ALL SELECT id FROM waiting) c, endpoints e
             WHERE d.id = c.id AND e.id = $1 AND (e.deleted_at IS NOT NULL OR ${IS_FREE})
             RETURNING d.state
           )
           SELECT state, count(*)::int AS count FROM moved GROUP BY state`,
    values: [toUuid(endpointId), limit],
  });
  const settled: Settled = { released: 0, cancelled: 0 };
  for (const { state, count } of rows) settled[state === 'cancelled' ? 'cancelled' : 'released'] += count;
  return settled;
}

/** Whether anything is held for an endpoint, or waits in its backlog: cheaper than to find nothing to settle. */
export async function hasHeldOrBacklog(db: Queryable, endpointId: PublicId): Promise<boolean> {
  const { rows } = await db.query<{ any: boolean }>({
    name: 'has-held-or-backlog',
    text: `SELECT EXISTS (SELECT FROM deliveries WHERE endpoint_id = $1 AND state = 'held')
               OR EXISTS (SELECT FROM deliveries WHERE endpoint_id = $1 AND ${IN_BACKLOG}) AS any`,
    values: [toUuid(endpointId)],
  });
  return rows[0]?.any === true;
}

/** Endpoints that have held deliveries although nothing holds them any more. Reads one row an endpoint of the index of held ones. */
export async function findWronglyHeld(
  db: Queryable,
  limit: number,
): Promise<{ endpointId: PublicId; tenantId: PublicId }[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string }>({
    name: 'find-wrongly-held',
    text: `WITH RECURSIVE holding AS (
             (SELECT endpoint_id FROM deliveries WHERE state = 'held' ORDER BY endpoint_id LIMIT 1)
             UNION ALL
             SELECT (SELECT d.endpoint_id FROM deliveries d WHERE d.state = 'held' AND d.endpoint_id > h.endpoint_id
                     ORDER BY d.endpoint_id LIMIT 1)
             FROM holding h WHERE h.endpoint_id IS NOT NULL
           )
           SELECT e.id, e.tenant_id FROM holding h JOIN endpoints e ON e.id = h.endpoint_id
           WHERE e.deleted_at IS NOT NULL OR ${IS_FREE}
           LIMIT $1`,
    values: [limit],
  });
  return rows.map((row) => ({ endpointId: fromUuid('ep', row.id), tenantId: fromUuid('ten', row.tenant_id) }));
}
