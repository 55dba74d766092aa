/**
 * The statement that takes at most `$2` rows in one of these states whose next step was due `$1` milliseconds ago, those
 * that waited longest. It puts their next step off, so that others have their turn next; `updated_at` is left alone, since
 * nothing has happened to them.
 *
 * @param states - those of the table's partial index `…_due`
 */
export function takeDue(table: 'chargebacks', states: readonly string[], columns: string): string {
  // Literals: the planner does not see that a parameter is within the index.
  const list = states.map((state) => `'${state}'`).join(', ');
  return `WITH due AS (
            SELECT id FROM ${table}
            WHERE state IN (${list}) AND next_step_at < now() - $1 * interval '1 millisecond'
            ORDER BY next_step_at LIMIT $2 FOR UPDATE SKIP LOCKED
          )
          UPDATE ${table} SET next_step_at = now() WHERE id IN (SELECT id FROM due) RETURNING ${columns}`;
}
