import { uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';

/** Forgets contents of ended events from before a moment. Index: inbound_events_with_body. @returns of how many */
export async function forgetContents(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE inbound_events SET body = NULL, headers = '{}'
           WHERE id = ANY (ARRAY(
             SELECT id FROM inbound_events WHERE body IS NOT NULL AND state <> 'pending' AND id < $1
             ORDER BY id LIMIT $2)) AND state <> 'pending'`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}

/** Removes ended events from before a moment, and with them what recognises their repetitions. Index: inbound_events_ended. */
export async function removeEvents(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM inbound_events
           WHERE id = ANY (ARRAY(
             SELECT id FROM inbound_events WHERE state <> 'pending' AND id < $1 ORDER BY id LIMIT $2))
             AND state <> 'pending'`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}

const MOST_COUNTED = 10_000;

/** Events that are due and not processed: how many, 10,000 at most, and how late the most overdue is. */
export async function measureOverdue(db: Queryable): Promise<{ due: number; oldestSeconds: number }> {
  const overdue = `state = 'pending' AND workflow_id = '${OVERDUE_WORKFLOW}' AND next_attempt_at <= now()`;
  const others = `state = 'pending' AND workflow_id <> '${OVERDUE_WORKFLOW}' AND next_attempt_at <= now()`;
  const { rows } = await db.query<{ due: number; oldest: number | null }>({
    text: `SELECT (SELECT count(*)::int FROM (
                     (SELECT FROM inbound_events WHERE ${overdue} LIMIT ${MOST_COUNTED})
                     UNION ALL (SELECT FROM inbound_events WHERE ${others} LIMIT ${MOST_COUNTED})) counted) AS due,
                  extract(epoch FROM now() - least(
                    (SELECT next_attempt_at FROM inbound_events WHERE ${overdue} ORDER BY next_attempt_at LIMIT 1),
                    (SELECT next_attempt_at FROM inbound_events WHERE ${others} ORDER BY next_attempt_at LIMIT 1)))::float8
                    AS oldest`,
  });
  return { due: rows[0]?.due ?? 0, oldestSeconds: rows[0]?.oldest ?? 0 };
}
