import { uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Forgets contents whose publisher set an expiry of its own. @returns how many, at most `limit` */
export async function expireRequestedContents(db: Queryable, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'expire-requested-contents',
    text: `UPDATE messages SET body = NULL, content_expires_at = NULL
           WHERE id IN (SELECT id FROM messages WHERE content_expires_at IS NOT NULL AND content_expires_at <= now() LIMIT $1)`,
    values: [limit],
  });
  return rowCount ?? 0;
}

/**
 * Forgets the contents of further messages made before `beforeMs`, in the order of their ids, continuing where the last
 * call stopped.
 *
 * @returns how many messages were looked at, fewer than `limit` at the end
 */
export async function expireContents(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rows } = await db.query<{ seen: number }>({
    name: 'expire-contents',
    text: `WITH old AS MATERIALIZED (
             SELECT id FROM messages
             WHERE id < $1
               AND id > coalesce((SELECT position FROM housekeeping WHERE task = 'expire-contents'),
                                 '00000000-0000-0000-0000-000000000000')
             ORDER BY id LIMIT $2
           ), gone AS (
             UPDATE messages m SET body = NULL FROM old
             WHERE m.id = old.id AND m.body IS NOT NULL AND m.content_expires_at IS NULL
           ), kept AS (
             INSERT INTO housekeeping (task, position)
             SELECT 'expire-contents', id FROM old ORDER BY id DESC LIMIT 1
             ON CONFLICT (task) DO UPDATE SET position = excluded.position
           )
           SELECT count(*)::int AS seen FROM old`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rows[0]?.seen ?? 0;
}

/**
 * Removes messages made before `beforeMs` with their keys, deliveries, attempts and closed dead letters. A message with
 * an open or held delivery stays.
 */
export async function removeHistory(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rows } = await db.query<{ removed: number }>({
    name: 'remove-history',
    text: `WITH old AS (
             SELECT m.id FROM messages m
             WHERE m.id < $1
               AND NOT EXISTS (
                 SELECT FROM deliveries d
                 WHERE d.id BETWEEN (left(replace(m.id::text, '-', ''), 16) || repeat('0', 16))::uuid
                                AND (left(replace(m.id::text, '-', ''), 16) || repeat('f', 16))::uuid
                   AND d.message_id = m.id AND d.state IN ('pending', 'retrying', 'held'))
             ORDER BY m.id LIMIT $2
           ), keys AS (DELETE FROM message_keys k USING old WHERE k.message_id = old.id
           ), ended AS (
             DELETE FROM deliveries d USING old
             WHERE d.id BETWEEN (left(replace(old.id::text, '-', ''), 16) || repeat('0', 16))::uuid
                            AND (left(replace(old.id::text, '-', ''), 16) || repeat('f', 16))::uuid
               AND d.message_id = old.id
             RETURNING d.id
           ), tried AS (DELETE FROM attempts a USING ended WHERE a.delivery_id = ended.id
           ), buried AS (DELETE FROM dead_letters l USING ended WHERE l.delivery_id = ended.id AND l.state <> 'open'
           ), messages_gone AS (DELETE FROM messages m USING old WHERE m.id = old.id RETURNING 1)
           SELECT count(*)::int AS removed FROM messages_gone`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rows[0]?.removed ?? 0;
}
