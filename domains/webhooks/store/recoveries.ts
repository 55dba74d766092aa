import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { backlogWorkflowOf } from './backlog';
import { type Release, type Released, ROOM } from './held-flow';
import { PLACE_AFTER_REVIVAL } from './ordering';
import { fresh, recoverable } from './recoverable';

/** Most dead letters that are counted. */
const MOST_COUNTED = 10_000;

/** How many dead letters of an endpoint recover with it, counted up to 10,000. Index: dead_letters_recoverable. */
export async function countRecoverable(db: Queryable, endpointId: PublicId): Promise<number> {
  const { rows } = await db.query<{ letters: number }>({
    name: 'count-recoverable',
    text: `SELECT count(*)::int AS letters
           FROM (SELECT FROM dead_letters l WHERE l.endpoint_id = $1 AND ${recoverable('l')} AND ${fresh('l')} LIMIT $2) counted`,
    values: [toUuid(endpointId), MOST_COUNTED],
  });
  return rows[0]?.letters ?? 0;
}

/**
 * Revives the oldest dead letters of a draining endpoint that recover with it, as `releaseHeld` does with what is held:
 * after an incident all of them, since that is why they died; otherwise those that are due. Index: dead_letters_recoverable.
 */
export async function reviveRecoverable(db: Queryable, endpointId: PublicId, release: Release): Promise<Released> {
  const { rows } = await db.query<{ released: number; room: boolean }>({
    name: 'revive-recoverable',
    text: `WITH room AS MATERIALIZED (${ROOM}), oldest AS MATERIALIZED (
             SELECT l.id FROM dead_letters l
             WHERE l.endpoint_id = $1 AND ${recoverable('l')} AND ${fresh('l')} AND EXISTS (SELECT FROM room)
               AND l.recover_at <= (SELECT CASE WHEN c.incident IS NOT NULL AND c.closed_at IS NULL THEN 'infinity' ELSE now() END
                                    FROM endpoint_circuits c WHERE c.endpoint_id = $1)
             ORDER BY l.recover_at, l.id LIMIT $2 FOR UPDATE SKIP LOCKED
           ), resolved AS (
             UPDATE dead_letters l SET state = 'retried', resolved_at = now() FROM oldest o WHERE l.id = o.id
             RETURNING l.delivery_id
           ), numbered AS MATERIALIZED (
             SELECT delivery_id AS id, row_number() OVER (ORDER BY delivery_id)::int AS n FROM resolved
           ), moved AS (
             UPDATE deliveries d
             SET state = 'retrying', attempts_before = d.attempts, backlog = true, claim = NULL, recoveries = d.recoveries + 1,
                 sequence = ${PLACE_AFTER_REVIVAL}, workflow_id = ${backlogWorkflowOf('d.endpoint_id')},
                 next_attempt_at = now() + n * interval '1 microsecond', replayed_from = NULL, updated_at = now()
             FROM numbered o WHERE d.id = o.id AND d.state = 'dead' RETURNING d.id
           )
           SELECT (SELECT count(*)::int FROM resolved) AS released, EXISTS (SELECT FROM room) AS room`,
    values: [toUuid(endpointId), release.limit, release.mostWaiting],
  });
  return { count: rows[0]?.released ?? 0, waiting: rows[0]?.room !== true };
}

/** A delivery that is held to try its endpoint with it, and the dead letter that it was. */
export interface HeldLetter {
  deliveryId: PublicId;
  deadLetterId: PublicId;
}

/**
 * Holds the delivery of the first dead letter that recovers with its endpoint, to try the endpoint with it when nothing
 * else is held. Index: dead_letters_recoverable.
 */
export async function holdRecoverable(db: Queryable, endpointId: PublicId): Promise<HeldLetter | undefined> {
  const { rows } = await db.query<{ delivery: string; letter: string }>({
    name: 'hold-recoverable',
    text: `WITH oldest AS MATERIALIZED (
             SELECT l.id FROM dead_letters l WHERE l.endpoint_id = $1 AND ${recoverable('l')} AND ${fresh('l')}
             ORDER BY l.recover_at, l.id LIMIT 1 FOR UPDATE SKIP LOCKED
           ), resolved AS (
             UPDATE dead_letters l SET state = 'retried', resolved_at = now() FROM oldest o WHERE l.id = o.id
             RETURNING l.delivery_id, l.id
           )
           UPDATE deliveries d
           SET state = 'held', attempts_before = d.attempts, backlog = false, claim = NULL, next_attempt_at = NULL,
               sequence = ${PLACE_AFTER_REVIVAL}, recoveries = d.recoveries + 1, replayed_from = NULL,
               updated_at = now()
           FROM resolved r WHERE d.id = r.delivery_id AND d.state = 'dead' RETURNING d.id AS delivery, r.id AS letter`,
    values: [toUuid(endpointId)],
  });
  const [row] = rows;
  return row && { deliveryId: fromUuid('dlv', row.delivery), deadLetterId: fromUuid('dl', row.letter) };
}

/**
 * The endpoint failed a try with a dead letter: it is one again, behind the others. That is no recovery of it: the endpoint
 * has not shown that it works.
 *
 * @returns false when its delivery is not held any more
 */
export async function buryAgain(db: Queryable, { deliveryId, deadLetterId }: HeldLetter): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'bury-again',
    text: `WITH buried AS (
             UPDATE deliveries SET state = 'dead', recoveries = recoveries - 1, updated_at = now()
             WHERE id = $1 AND state = 'held' RETURNING last_status, last_error, attempts
           )
           UPDATE dead_letters l
           SET state = 'open', resolved_at = NULL, recover_at = now(), last_status = b.last_status, last_error = b.last_error,
               attempts = b.attempts
           FROM buried b WHERE l.id = $2 AND l.state = 'retried'`,
    values: [toUuid(deliveryId), toUuid(deadLetterId)],
  });
  return rowCount === 1;
}

/** An endpoint with dead letters that may be delivered without anybody asking for it. */
export interface Recoverable {
  endpointId: PublicId;
  tenantId: PublicId;
  /** Whether it has taken something since it failed last; otherwise nobody knows. */
  works: boolean;
}

/** Whether the endpoint `e` has taken something since it failed last: what `c` counts, unless its circuit is switched off. */
const WORKS = `(coalesce(c.failures_in_row = 0, false) AND coalesce((e.circuit_settings ->> 'enabled')::boolean, true))`;

/**
 * Endpoints with dead letters that are due to recover, whose circuit is closed. Reads a row or two an endpoint of the index
 * dead_letters_recoverable, however many there are.
 */
export async function findRecoverable(db: Queryable, limit: number): Promise<Recoverable[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string; works: boolean }>({
    name: 'find-recoverable',
    text: `WITH RECURSIVE mourning AS (
             (SELECT l.endpoint_id FROM dead_letters l WHERE ${recoverable('l')} ORDER BY l.endpoint_id LIMIT 1)
             UNION ALL
             SELECT (SELECT l.endpoint_id FROM dead_letters l WHERE ${recoverable('l')} AND l.endpoint_id > h.endpoint_id
                     ORDER BY l.endpoint_id LIMIT 1)
             FROM mourning h WHERE h.endpoint_id IS NOT NULL
           )
           SELECT e.id, e.tenant_id, ${WORKS} AS works
           FROM mourning h JOIN endpoints e ON e.id = h.endpoint_id LEFT JOIN endpoint_circuits c ON c.endpoint_id = e.id
           WHERE e.circuit = 'closed' AND e.state = 'enabled' AND e.deleted_at IS NULL
             AND (${WORKS} OR c.recover_at IS NULL OR c.recover_at <= now())
             AND EXISTS (SELECT FROM dead_letters l
                         WHERE l.endpoint_id = e.id AND ${recoverable('l')} AND ${fresh('l')} AND l.recover_at <= now())
           LIMIT $1`,
    values: [limit],
  });
  return rows.map((row) => ({
    endpointId: fromUuid('ep', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    works: row.works,
  }));
}

const LONGEST_PAUSE = "interval '1 hour'";
/** An endpoint that was not tried for so long after it was due has had nothing to be tried with. */
const FORGOTTEN_AFTER = "interval '10 minutes'";

/**
 * Claims the one try that an endpoint with dead letters may have now, while nobody knows whether it works. The next is due
 * after a twentieth of the time that this has been in vain: at least `shortestMs`, at most an hour.
 */
export async function claimTry(
  db: Queryable,
  { endpointId, tenantId }: Pick<Recoverable, 'endpointId' | 'tenantId'>,
  shortestMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'claim-recovery-try',
    text: `INSERT INTO endpoint_circuits AS c (endpoint_id, tenant_id, failures_in_row, recover_since, recover_at)
           VALUES ($1, $2, 1, now(), now() + $3::int * interval '1 millisecond')
           ON CONFLICT (endpoint_id) DO UPDATE
           SET recover_since = CASE WHEN c.recover_at > now() - ${FORGOTTEN_AFTER} THEN c.recover_since ELSE now() END,
               recover_at = now() + CASE WHEN c.recover_at > now() - ${FORGOTTEN_AFTER}
                 THEN least(${LONGEST_PAUSE}, greatest($3::int * interval '1 millisecond', (now() - c.recover_since) / 20))
                 ELSE $3::int * interval '1 millisecond' END
           WHERE c.recover_at IS NULL OR c.recover_at <= now()`,
    values: [toUuid(endpointId), toUuid(tenantId), Math.ceil(shortestMs)],
  });
  return rowCount === 1;
}

/**
 * An endpoint with dead letters works: they are let go little by little, as after an incident.
 *
 * @param startWithinMs - how long its workflow has to begin until the sweep starts it anew
 * @returns false when its circuit is not closed, or it is not enabled
 */
export async function beginRecovery(db: Queryable, endpointId: PublicId, startWithinMs: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'begin-recovery',
    text: `WITH works AS (
             UPDATE endpoints SET circuit = 'draining'
             WHERE id = $1 AND circuit = 'closed' AND state = 'enabled' AND deleted_at IS NULL RETURNING id, tenant_id
           )
           INSERT INTO endpoint_circuits AS c (endpoint_id, tenant_id, attended_until)
           SELECT id, tenant_id, now() + $2::int * interval '1 millisecond' FROM works
           ON CONFLICT (endpoint_id) DO UPDATE
           SET attended_until = excluded.attended_until, failures_in_row = 0, recover_at = NULL, recover_since = NULL,
               drain_rate = NULL`,
    values: [toUuid(endpointId), startWithinMs],
  });
  return rowCount === 1;
}
