import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { IS_OPEN } from './open-state';

/** Matches what has a place in an order, as the index `deliveries_in_order` says it. */
const IN_ORDER = "d.sequence IS NOT NULL AND d.state IN ('pending', 'retrying', 'held', 'dead')";

/**
 * Whether those behind `d` have to wait for it, by the policy of its endpoint `e`. Its dead letter is looked up as a value: an
 * EXISTS may be planned as a hash of all dead letters.
 */
const BLOCKS = `CASE d.state
  WHEN 'dead' THEN e.head_policy = 'block'
    AND coalesce((SELECT true FROM dead_letters l WHERE l.delivery_id = d.id AND l.state = 'open'), false)
  WHEN 'retrying' THEN e.head_policy <> 'skip-after' OR d.attempts - d.attempts_before < e.head_attempts
  ELSE true END`;

/** SQL for the place that a dead letter's delivery `d` has when it is retried: the same, if those behind it wait for it. */
export const PLACE_AFTER_REVIVAL = `(
  SELECT CASE WHEN e.ordering = 'fifo' AND e.head_policy = 'block' THEN d.sequence END
  FROM endpoints e WHERE e.id = d.endpoint_id)`;

/** SQL for the id of the first in an ordered endpoint's line that those behind it wait for. @param endpoint - as SQL */
const headOf = (endpoint: string) => `(
  SELECT d.id FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
  WHERE d.endpoint_id = ${endpoint} AND ${IN_ORDER} AND e.ordering = 'fifo' AND ${BLOCKS}
  ORDER BY d.sequence LIMIT 1)`;

/**
 * SQL that locks the head of the line of the endpoint `$6`, if it may be attempted now. The head is chosen by the
 * statement's snapshot, in which no later one can be first; and the lock sees the row as it is now. So one that is no
 * longer free is not taken, and nor is the one behind it.
 *
 * @param mayTakeOver - SQL for whether a lease that ran out may be taken over
 */
export function dueHead(mayTakeOver: string): string {
  return `
  SELECT d.id FROM deliveries d
  WHERE d.id = ${headOf('$6')} AND d.state ${IS_OPEN}
    AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= now() AND (d.claim IS NULL OR ${mayTakeOver}))
  FOR UPDATE OF d`;
}

/**
 * How long until the head of an endpoint's line may be attempted again, in milliseconds; undefined when there is none, or
 * when it does not go by itself: it is held, a dead letter, or being attempted.
 */
export async function headDueInMs(db: Queryable, endpointId: PublicId): Promise<number | undefined> {
  const { rows } = await db.query<{ due_in_ms: number }>({
    name: 'head-due-in',
    text: `SELECT greatest(0, extract(epoch FROM coalesce(d.next_attempt_at, now()) - now()) * 1000)::float8 AS due_in_ms
           FROM deliveries d WHERE d.id = ${headOf('$1')} AND d.state ${IS_OPEN} AND d.claim IS NULL`,
    values: [toUuid(endpointId)],
  });
  return rows[0]?.due_in_ms;
}

/** An endpoint's version if any of its deliveries has a place in an order; else undefined. Index: deliveries_in_order. */
export async function orderedVersion(db: Queryable, endpointId: PublicId): Promise<number | undefined> {
  const { rows } = await db.query<{ version: number }>({
    name: 'ordered-version',
    text: `SELECT e.version FROM endpoints e
           WHERE e.id = $1 AND EXISTS (SELECT FROM deliveries d WHERE d.endpoint_id = $1 AND ${IN_ORDER})`,
    values: [toUuid(endpointId)],
  });
  return rows[0]?.version;
}

/**
 * Has deliveries leave an endpoint's order that no longer belong to it: its dead ones that nobody waits for; all of them
 * if the endpoint is not ordered any more, and then those that waited for their turn are due.
 *
 * @param limit - at most so many in one statement
 * @returns how many have left it
 */
export async function leaveOrder(db: Queryable, endpointId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'leave-order',
    text: `WITH leaving AS MATERIALIZED (
             SELECT d.id FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
             WHERE d.endpoint_id = $1 AND ${IN_ORDER} AND (e.ordering = 'none' OR d.state = 'dead' AND NOT ${BLOCKS})
             ORDER BY d.sequence LIMIT $2 FOR UPDATE OF d SKIP LOCKED
           )
           UPDATE deliveries d
           SET sequence = NULL,
               next_attempt_at = CASE WHEN d.state ${IS_OPEN} THEN coalesce(d.next_attempt_at, now()) END
           FROM leaving l WHERE d.id = l.id`,
    values: [toUuid(endpointId), limit],
  });
  return rowCount ?? 0;
}

/** Why a line does not move: its head failed and is tried again, is held, or is a dead letter. */
export const BLOCKING_STATES = ['retrying', 'held', 'dead'] as const;

/** Lines of ordered endpoints that do not move, by the state of their head. */
export type BlockedLines = Record<(typeof BLOCKING_STATES)[number], { count: number; oldestSeconds: number }>;

/** Most ordered endpoints that are looked at. */
const MOST_LINES = 10_000;

/**
 * Counts the ordered endpoints whose head blocks, of the first 10,000 that have anything in order, and says for how long the
 * oldest has: since its first attempt, or since it is held where it had none. Reads a few rows an endpoint, however long its
 * line is. Index: deliveries_in_order; attempts_pkey for a head that blocks.
 */
export async function measureBlocked(db: Queryable): Promise<BlockedLines> {
  const { rows } = await db.query<{ state: keyof BlockedLines; count: number; oldest: number }>({
    name: 'measure-blocked',
    text: `WITH RECURSIVE lines AS (
             (SELECT d.endpoint_id, 1 AS n FROM deliveries d WHERE ${IN_ORDER} ORDER BY d.endpoint_id, d.sequence LIMIT 1)
             UNION ALL
             SELECT (SELECT d.endpoint_id FROM deliveries d WHERE ${IN_ORDER} AND d.endpoint_id > l.endpoint_id
                     ORDER BY d.endpoint_id, d.sequence LIMIT 1), l.n + 1
             FROM lines l WHERE l.endpoint_id IS NOT NULL AND l.n < $1
           )
           SELECT h.state, count(*)::int AS count, greatest(0, max(extract(epoch FROM now() - coalesce(
                    (SELECT a.started_at FROM attempts a WHERE a.delivery_id = h.id ORDER BY a.delivery_id, a.id LIMIT 1),
                    h.updated_at))))::float8 AS oldest
           FROM lines l JOIN deliveries h ON h.id = ${headOf('l.endpoint_id')}
           JOIN endpoints e ON e.id = h.endpoint_id AND e.deleted_at IS NULL
           WHERE h.state IN ('retrying', 'held', 'dead') GROUP BY h.state`,
    values: [MOST_LINES],
  });
  const none = { count: 0, oldestSeconds: 0 };
  const blocked: BlockedLines = { retrying: none, held: none, dead: none };
  for (const { state, count, oldest } of rows) blocked[state] = { count, oldestSeconds: oldest };
  return blocked;
}
