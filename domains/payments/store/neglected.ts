/**
 * The statement that takes what is in one of these states and nothing has happened to for `$1` milliseconds, `$2` rows at
 * most, those that waited longest. It is as if something had happened to them, so that the next ones have their turn.
 *
 * @param states - those of the table's partial index `…_open`, or some of them
 */
export function takeNeglected(
  table: 'payments' | 'refunds' | 'chargebacks',
  states: readonly string[],
  columns: string,
): string {
  // Written out: the planner does not see that a parameter is within the index.
  const list = states.map((state) => `'${state}'`).join(', ');
  return `WITH neglected AS (
            SELECT id FROM ${table}
            WHERE state IN (${list}) AND updated_at < now() - $1 * interval '1 millisecond'
            ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
          )
          UPDATE ${table} SET updated_at = now() WHERE id IN (SELECT id FROM neglected) RETURNING ${columns}`;
}
