import type { Pool } from 'pg';
import type { SendDecision } from './history';

/** Every decision that was recorded. */
export async function readDecisions(pool: Pool): Promise<SendDecision[]> {
  const { rows } = await pool.query<SendDecision>(
    `SELECT send_id AS "sendId", 'sub_' || replace(subscriber_id::text, '-', '') AS "subscriberId", decision,
            version::int AS version, extract(epoch FROM decided_at)::float8 * 1000 AS at FROM send_decisions`,
  );
  return rows;
}

/** How many there are. */
export async function countDecisions(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM send_decisions');
  return rows[0]?.count ?? 0;
}

/** Items of inboxes without a decision that allowed them, which is what somebody would see; and what the sweep's view finds. */
export async function auditSends(pool: Pool): Promise<{ unexplained: number; broken: number }> {
  const { rows } = await pool.query<{ unexplained: number; broken: number }>(
    `SELECT (SELECT count(*)::int FROM inbox_items i WHERE NOT EXISTS (
               SELECT FROM send_decisions d WHERE d.send_id = i.id AND d.decision = 'allow')) AS unexplained,
            (SELECT count(*)::int FROM broken_decisions) AS broken`,
  );
  return rows[0] ?? { unexplained: Number.NaN, broken: Number.NaN };
}
