/**
 * The statement that takes at most `$2` rows in one of these states that have not changed for `$1` milliseconds, those
 * that waited longest. It marks them as changed, so that others have their turn next.
 *
 * @param states - those of the table's partial index `…_open`, or some of them
 */
export function takeNeglected(table: 'refunds' | 'chargebacks', states: readonly string[], columns: string): string {
  // Literals: the planner does not see that a parameter is within the index.
  const list = states.map((state) => `'${state}'`).join(', ');
  return `WITH neglected AS (
            SELECT id FROM ${table}
            WHERE state IN (${list}) AND updated_at < now() - $1 * interval '1 millisecond'
            ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
          )
          UPDATE ${table} SET updated_at = now() WHERE id IN (SELECT id FROM neglected) RETURNING ${columns}`;
}
