import { uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';

const OPEN = `state IN ('pending', 'sending')`;

/** Forgets what ended notifications from before a moment said. Index: notifications_with_content. @returns of how many */
export async function forgetContents(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE notifications n SET content_sealed = NULL
           WHERE id = ANY (ARRAY(
             SELECT o.id FROM notifications o WHERE o.content_sealed IS NOT NULL AND o.id < $1
               AND NOT EXISTS (SELECT FROM sends s WHERE s.notification_id = o.id AND s.${OPEN})
             ORDER BY o.id LIMIT $2))`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}

/** Removes ended notifications from before a moment, with their sends. Index: notifications_pkey. @returns how many */
export async function removeNotifications(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM notifications
           WHERE id = ANY (ARRAY(
             SELECT o.id FROM notifications o WHERE o.id < $1
               AND NOT EXISTS (SELECT FROM sends s WHERE s.notification_id = o.id AND s.${OPEN})
             ORDER BY o.id LIMIT $2))`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}

/** Removes decisions from before a moment. Index: send_decisions_by_time. @returns how many */
export async function removeDecisions(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM send_decisions WHERE (send_id, number) IN (
             SELECT send_id, number FROM send_decisions WHERE decided_at < $1 ORDER BY decided_at LIMIT $2)`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}

/** Removes when versions began, from before a moment. Index: preference_versions_by_time. @returns how many */
export async function removeVersions(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM preference_versions WHERE (subscriber_id, version) IN (
             SELECT subscriber_id, version FROM preference_versions WHERE at < $1 ORDER BY at LIMIT $2)`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}

/** Keeps what `broken_decisions` finds since a moment. Indexes: send_decisions_by_time, preference_versions_pkey. @returns how many are new */
export async function findBrokenDecisions(db: Queryable, since: Date): Promise<number> {
  const { rowCount } = await db.query({
    text: `INSERT INTO found_broken_decisions (send_id, number, tenant_id, version, newer_version, decided_at)
           SELECT send_id, number, tenant_id, version, newer_version, decided_at FROM broken_decisions
           WHERE decided_at >= $1
           ON CONFLICT DO NOTHING`,
    values: [since],
  });
  return rowCount ?? 0;
}

const MOST_COUNTED = 10_000;

/** What gauges show: how many sends are due, how late the most overdue is, and how many broken decisions were found. */
export async function measureSends(db: Queryable): Promise<{ due: number; oldestSeconds: number; broken: number }> {
  const overdue = `${OPEN} AND workflow_id = '${OVERDUE_WORKFLOW}' AND next_attempt_at <= now()`;
  const others = `${OPEN} AND workflow_id <> '${OVERDUE_WORKFLOW}' AND next_attempt_at <= now()`;
  const { rows } = await db.query<{ due: number; oldest: number | null; broken: number }>({
    text: `SELECT (SELECT count(*)::int FROM (
                     (SELECT FROM sends WHERE ${overdue} LIMIT ${MOST_COUNTED})
                     UNION ALL (SELECT FROM sends WHERE ${others} LIMIT ${MOST_COUNTED})) counted) AS due,
                  extract(epoch FROM now() - least(
                    (SELECT next_attempt_at FROM sends WHERE ${overdue} ORDER BY next_attempt_at LIMIT 1),
                    (SELECT next_attempt_at FROM sends WHERE ${others} ORDER BY next_attempt_at LIMIT 1)))::float8 AS oldest,
                  (SELECT count(*)::int FROM (SELECT FROM found_broken_decisions LIMIT ${MOST_COUNTED}) found) AS broken`,
  });
  const [row] = rows;
  return { due: row?.due ?? 0, oldestSeconds: row?.oldest ?? 0, broken: row?.broken ?? 0 };
}
