import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** What is leased while it is under way: the process or workflow in `claim` has it until `next_step_at`. */
export interface Leased {
  table: 'payments' | 'refunds';
  /** Those of the table's partial index `…_due`. */
  underWay: readonly string[];
  /** SQL for the id of a row's own workflow. */
  ownWorkflow: string;
}

/** Its states under way as literals: the planner does not see that a parameter is within the partial index. */
export function underWayOf({ underWay }: Pick<Leased, 'underWay'>): string {
  return underWay.map((state) => `'${state}'`).join(', ');
}

/** How a lease is given up. */
export interface Release {
  claim: string;
  /** When its next step is due: from then on the sweep looks. */
  dueInMs: number;
  /** Whether it leaves the workflow that it shares for one of its own. */
  ownWorkflow?: boolean;
}

/** Gives up the lease of what is under way. Index: the primary key. */
export async function releaseLease(
  db: Queryable,
  kind: Leased,
  id: PublicId,
  { claim, dueInMs, ownWorkflow = false }: Release,
): Promise<void> {
  await db.query({
    name: `release-lease-of-${kind.table}`,
    text: `UPDATE ${kind.table} SET claim = NULL, next_step_at = now() + $3 * interval '1 millisecond',
                  workflow_id = CASE WHEN $4 THEN ${kind.ownWorkflow} ELSE workflow_id END
           WHERE id = $1 AND claim = $2 AND state IN (${underWayOf(kind)})`,
    values: [toUuid(id), claim, dueInMs, ownWorkflow],
  });
}

/** How many are taken, and for how long they are left alone. */
export interface Overdue {
  limit: number;
  pauseMs: number;
}

/**
 * Takes what is under way and whose next step is overdue, the most overdue first, for workflows of their own. Index: the
 * table's `…_due`.
 */
export async function takeOverdue<Row extends object>(
  db: Queryable,
  kind: Leased,
  columns: string,
  { pauseMs, limit }: Overdue,
): Promise<Row[]> {
  const { rows } = await db.query<Row>({
    name: `take-overdue-${kind.table}`,
    text: `WITH due AS (
             SELECT id FROM ${kind.table}
             WHERE state IN (${underWayOf(kind)}) AND next_step_at <= now()
             ORDER BY next_step_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE ${kind.table} SET claim = NULL, next_step_at = now() + $1 * interval '1 millisecond',
                  workflow_id = ${kind.ownWorkflow}
           WHERE id IN (SELECT id FROM due) RETURNING ${columns}`,
    values: [pauseMs, limit],
  });
  return rows;
}
