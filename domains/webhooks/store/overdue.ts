import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { IN_BACKLOG } from './backlog';
import { IS_OPEN } from './open-state';
import { WAITS_FOR_LIMIT } from './rate-limits';

/** A delivery that nobody attended to in time, and the workflow that should have. */
export interface OverdueDelivery {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId;
  workflowId: string;
  /** In milliseconds. */
  overdueMs: number;
  /** When it was due, as text that loses no digit: where the next page begins. */
  dueAt: string;
}

/** Matches what waits outside of the backlogs, as the index `deliveries_due` says it. */
const WAITING = "state IN ('pending', 'retrying') AND NOT backlog";

/**
 * A page of the overdue deliveries that are in no backlog, most overdue first.
 *
 * @param after - the last of the page before
 */
export async function findOverdue(
  db: Queryable,
  graceMs: number,
  limit: number,
  after?: OverdueDelivery,
): Promise<OverdueDelivery[]> {
  const { rows } = await db.query<{
    id: string;
    tenant_id: string;
    endpoint_id: string;
    workflow_id: string;
    overdue_ms: number;
    due_at: string;
  }>({
    name: 'find-overdue',
    text: `SELECT id, tenant_id, endpoint_id, workflow_id, next_attempt_at::text AS due_at,
                  (extract(epoch FROM now() - next_attempt_at) * 1000)::float8 AS overdue_ms
           FROM deliveries
           WHERE ${WAITING} AND next_attempt_at < now() - $1::int * interval '1 millisecond'
             AND next_attempt_at >= $3::timestamptz
             AND (next_attempt_at > $3::timestamptz OR id > $4)
           ORDER BY next_attempt_at, id LIMIT $2`,
    values: [
      graceMs,
      limit,
      after?.dueAt ?? '-infinity',
      after === undefined ? '00000000-0000-0000-0000-000000000000' : toUuid(after.id),
    ],
  });
  return rows.map((row) => ({
    id: fromUuid('dlv', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    endpointId: fromUuid('ep', row.endpoint_id),
    workflowId: row.workflow_id,
    overdueMs: row.overdue_ms,
    dueAt: row.due_at,
  }));
}

/** Gives waiting deliveries to another workflow, which is to be started next. @returns those that were given */
export async function moveToWorkflow(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  workflowId: string,
): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'move-to-workflow',
    text: `UPDATE deliveries SET workflow_id = $2, updated_at = now()
           WHERE id = ANY ($1::uuid[]) AND state ${IS_OPEN} AND NOT backlog RETURNING id`,
    values: [deliveryIds.map(toUuid), workflowId],
  });
  return rows.map((row) => fromUuid('dlv', row.id));
}

const MOST_COUNTED = 100_000;

/**
 * How many deliveries are due but not attempted (counted up to 100,000), and how late the most overdue is; without those
 * that their endpoints' rate limits delay.
 */
export async function measureBacklog(db: Queryable): Promise<{ due: number; oldestOverdueSeconds: number }> {
  const { rows } = await db.query<{ due: number; oldest: number | null }>({
    name: 'measure-backlog',
    text: `SELECT count(*)::int AS due, extract(epoch FROM now() - min(next_attempt_at))::float8 AS oldest
           FROM ((SELECT next_attempt_at FROM deliveries WHERE ${WAITING} AND next_attempt_at <= now()
                  ORDER BY next_attempt_at LIMIT $1)
                 UNION ALL
                 (SELECT next_attempt_at FROM deliveries
                  WHERE ${IN_BACKLOG} AND next_attempt_at <= now() AND NOT ${WAITS_FOR_LIMIT} LIMIT $1)) due`,
    values: [MOST_COUNTED],
  });
  return { due: Math.min(rows[0]?.due ?? 0, MOST_COUNTED), oldestOverdueSeconds: rows[0]?.oldest ?? 0 };
}
