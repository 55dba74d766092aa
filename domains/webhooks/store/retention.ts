import { uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { deliveriesOf, forgetAnswers } from './forget-answers';

/** Forgets contents whose publisher set an expiry of its own, with receivers' answers. @returns how many, at most `limit` */
export async function expireRequestedContents(db: Queryable, limit: number): Promise<number> {
  const { rows } = await db.query<{ expired: number }>({
    name: 'expire-requested-contents',
    text: `WITH expired AS (
             UPDATE messages SET body = NULL, content_expires_at = NULL
             WHERE id IN (SELECT id FROM messages WHERE content_expires_at IS NOT NULL AND content_expires_at <= now() LIMIT $1)
             RETURNING id
           ), forgotten AS (${forgetAnswers('expired')})
           SELECT count(*)::int AS expired FROM expired`,
    values: [limit],
  });
  return rows[0]?.expired ?? 0;
}

/**
 * Forgets the contents of further messages made before `beforeMs`, and receivers' answers, in the order of the messages'
 * ids, continuing where the last call stopped.
 *
 * @returns how many messages were looked at, fewer than `limit` at the end
 */
export async function expireContents(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rows } = await db.query<{ seen: number }>({
    name: 'expire-contents',
    text: `WITH old AS MATERIALIZED (
             SELECT id, content_expires_at FROM messages
             WHERE id < $1
               AND id > coalesce((SELECT position FROM housekeeping WHERE task = 'expire-contents'),
                                 '00000000-0000-0000-0000-000000000000')
             ORDER BY id LIMIT $2
           ), expired AS MATERIALIZED (SELECT id FROM old WHERE content_expires_at IS NULL
           ), gone AS (
             UPDATE messages m SET body = NULL FROM expired WHERE m.id = expired.id AND m.body IS NOT NULL
           ), forgotten AS (${forgetAnswers('expired')}
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

/** What one call of {@link removeHistory} did. */
export interface RemovedHistory {
  /** Messages looked at; fewer than the limit at the end. */
  seen: number;
  removed: number;
  /** The last one looked at, to go on after; undefined when none was. */
  last: string | undefined;
}

/**
 * Looks at messages made before `beforeMs`, in the order of their ids, and removes them with their keys, deliveries,
 * attempts and dead letters, open ones too: what they could be retried with is gone. A message with an open or held
 * delivery stays.
 *
 * @param after - `last` of the call before, so that messages that stay are read once a run
 */
export async function removeHistory(
  db: Queryable,
  { beforeMs, after, limit }: { beforeMs: number; after: string | undefined; limit: number },
): Promise<RemovedHistory> {
  const { rows } = await db.query<{ seen: number; removed: number; last: string | null }>({
    name: 'remove-history',
    text: `WITH seen AS MATERIALIZED (
             SELECT m.id FROM messages m WHERE m.id < $1 AND m.id > $3 ORDER BY m.id LIMIT $2
           ), old AS MATERIALIZED (
             SELECT seen.id FROM seen
             WHERE NOT EXISTS (
               SELECT FROM deliveries d
               WHERE ${deliveriesOf('seen')} AND d.state IN ('pending', 'retrying', 'held'))
           ), keys AS (DELETE FROM message_keys k USING old WHERE k.message_id = old.id
           ), ended AS (
             DELETE FROM deliveries d USING old WHERE ${deliveriesOf('old')} RETURNING d.id
           ), tried AS (DELETE FROM attempts a USING ended WHERE a.delivery_id = ended.id
           ), buried AS (DELETE FROM dead_letters l USING ended WHERE l.delivery_id = ended.id
           ), messages_gone AS (DELETE FROM messages m USING old WHERE m.id = old.id RETURNING 1)
           SELECT (SELECT count(*) FROM seen)::int AS seen, (SELECT count(*) FROM messages_gone)::int AS removed,
                  (SELECT id FROM seen ORDER BY id DESC LIMIT 1) AS last`,
    values: [uuidFloor(beforeMs), limit, after ?? '00000000-0000-0000-0000-000000000000'],
  });
  const row = rows[0];
  return { seen: row?.seen ?? 0, removed: row?.removed ?? 0, last: row?.last ?? undefined };
}

/**
 * Removes jobs that were made before `beforeMs` and have ended; what they replayed or discarded has its own time. Index:
 * replays_pkey.
 *
 * @returns how many, at most `limit`
 */
export async function removeReplays(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'remove-replays',
    text: `DELETE FROM replays WHERE id IN (
             SELECT id FROM replays WHERE id < $1 AND state IN ('completed', 'cancelled') ORDER BY id LIMIT $2)`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}
