import { fromUuid, type PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Deliveries that nobody attended to in time, by the workflow that should have. */
export interface OverdueGroup {
  workflowId: string;
  deliveryIds: PublicId[];
  tenantIds: PublicId[];
  endpointIds: PublicId[];
  /** How late the most overdue of them is, in milliseconds. */
  overdueMs: number;
}

/** The most overdue deliveries, grouped by workflow. Reads the index on due times from its old end. */
export async function findOverdue(db: Queryable, graceMs: number, limit: number): Promise<OverdueGroup[]> {
  const { rows } = await db.query<{
    workflow_id: string;
    ids: string[];
    tenants: string[];
    endpoints: string[];
    overdue_ms: number;
  }>({
    name: 'find-overdue',
    text: `SELECT workflow_id, array_agg(id::text) AS ids, array_agg(DISTINCT tenant_id::text) AS tenants,
                  array_agg(DISTINCT endpoint_id::text) AS endpoints,
                  (extract(epoch FROM now() - min(next_attempt_at)) * 1000)::float8 AS overdue_ms
           FROM (SELECT workflow_id, id, tenant_id, endpoint_id, next_attempt_at FROM deliveries
                 WHERE state IN ('pending', 'retrying') AND next_attempt_at < now() - $1::int * interval '1 millisecond'
                 ORDER BY next_attempt_at LIMIT $2) overdue
           GROUP BY workflow_id`,
    values: [graceMs, limit],
  });
  return rows.map((row) => ({
    workflowId: row.workflow_id,
    deliveryIds: row.ids.map((id) => fromUuid('dlv', id)),
    tenantIds: row.tenants.map((id) => fromUuid('ten', id)),
    endpointIds: row.endpoints.map((id) => fromUuid('ep', id)),
    overdueMs: row.overdue_ms,
  }));
}

/** How many deliveries are due but not attempted (counted up to 100,000), and how late the most overdue is. */
export async function measureBacklog(db: Queryable): Promise<{ due: number; oldestOverdueSeconds: number }> {
  const { rows } = await db.query<{ due: number; oldest: number | null }>({
    name: 'measure-backlog',
    text: `SELECT count(*)::int AS due, extract(epoch FROM now() - min(next_attempt_at))::float8 AS oldest
           FROM (SELECT next_attempt_at FROM deliveries
                 WHERE state IN ('pending', 'retrying') AND next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT 100000) due`,
    values: [],
  });
  return { due: rows[0]?.due ?? 0, oldestOverdueSeconds: rows[0]?.oldest ?? 0 };
}
