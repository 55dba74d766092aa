import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { IN_BACKLOG } from './backlog';

/** What an endpoint's limit says to a wish for attempts. */
export type Taken =
  | { limited: false }
  | {
      limited: true;
      /** One for each attempt that may be made now. */
      permits: string[];
      /** Milliseconds until it is worth asking for the others; 0 when none was refused. */
      waitMs: number;
    };

/**
 * How long a request takes to reach its receiver at most. One that takes longer is counted as having come earlier than it
 * did; the permit of a process that died is free a period after this.
 */
export const ARRIVES_WITHIN_MS = 3_000;

/**
 * Takes permits for attempts, of several endpoints in one statement. Index: rate_permits_by_endpoint.
 *
 * @param wishes - how many for each endpoint
 */
export async function takePermits(db: Queryable, wishes: ReadonlyMap<PublicId, number>): Promise<Map<PublicId, Taken>> {
  const input = [...wishes].map(([endpointId, wanted]) => ({ endpoint: toUuid(endpointId), wanted }));
  // Each takes the locks in the same order, so that none waits for another in a circle.
  input.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
  const { rows } = await db.query<{ endpoint: string; permits: string[] | null; wait_ms: number | null }>({
    name: 'take-permits',
    text: `SELECT w.endpoint, t.permits, t.wait_ms
           FROM json_to_recordset($1::json) AS w(endpoint uuid, wanted int)
           CROSS JOIN LATERAL take_permits(w.endpoint, w.wanted, $2) AS t`,
    values: [JSON.stringify(input), ARRIVES_WITHIN_MS],
  });
  return new Map(
    rows.map(({ endpoint, permits, wait_ms }) => [
      fromUuid('ep', endpoint),
      permits === null ? { limited: false } : { limited: true, permits, waitMs: Math.ceil(wait_ms ?? 0) },
    ]),
  );
}

/** The receivers have these requests by now. Touches none that a call of {@link takePermits} may remove. */
export async function reportArrived(db: Queryable, permits: readonly string[]): Promise<void> {
  await db.query({
    name: 'report-arrived',
    text: `UPDATE rate_permits SET arrived_by = clock_timestamp()
           WHERE id = ANY ($1::bigint[]) AND arrived_by > clock_timestamp()`,
    values: [permits],
  });
}

/** Matches an endpoint's row of `endpoint_rates`, as `r`, while its limit is used up. */
const IS_FULL = 'r.full_until > now()';

/** SQL: until when the limit is used up that a delivery waits for; null for any other. For statements about `deliveries`. */
export const LIMITED_UNTIL = `CASE WHEN ${IN_BACKLOG} AND claim IS NULL AND next_attempt_at <= now()
  THEN (SELECT r.full_until FROM endpoint_rates r WHERE r.endpoint_id = deliveries.endpoint_id AND ${IS_FULL}) END`;

/** SQL: whether the endpoint's limit is used up, for statements about `deliveries`. */
export const WAITS_FOR_LIMIT = `EXISTS (SELECT FROM endpoint_rates r
  WHERE r.endpoint_id = deliveries.endpoint_id AND ${IS_FULL})`;

const MOST_COUNTED = 100_000;

/** How many deliveries are due and wait for their endpoints' limits, counted up to 100,000 an endpoint. Index: deliveries_backlog. */
export async function countRateLimited(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ waiting: number }>({
    name: 'count-rate-limited',
    text: `SELECT coalesce(sum(w.n), 0)::int AS waiting
           FROM endpoint_rates r CROSS JOIN LATERAL (
             SELECT count(*) AS n FROM (
               SELECT FROM deliveries
               WHERE endpoint_id = r.endpoint_id AND ${IN_BACKLOG} AND claim IS NULL AND next_attempt_at <= now() LIMIT $1) few
           ) w WHERE ${IS_FULL}`,
    values: [MOST_COUNTED],
  });
  return rows[0]?.waiting ?? 0;
}

/**
 * Removes permits that no limit counts any more, of some endpoints that had one.
 *
 * @param after - the last endpoint of the call before
 * @returns the endpoints that were looked at
 */
export async function forgetPermits(db: Queryable, after: PublicId | undefined, limit: number): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'forget-permits',
    text: `SELECT r.endpoint_id AS id
           FROM (SELECT endpoint_id FROM endpoint_rates WHERE endpoint_id > $1 ORDER BY endpoint_id LIMIT $2) r
           CROSS JOIN LATERAL take_permits(r.endpoint_id, 0, $3)`,
    values: [after === undefined ? NIL : toUuid(after), limit, ARRIVES_WITHIN_MS],
  });
  return rows.map(({ id }) => fromUuid('ep', id));
}

const NIL = '00000000-0000-0000-0000-000000000000';

/** Gives permits of one endpoint back: no request was made. */
export async function giveBackPermits(db: Queryable, endpointId: PublicId, permits: readonly string[]): Promise<void> {
  await db.query({
    name: 'give-back-permits',
    text: `WITH gone AS (
             DELETE FROM rate_permits WHERE id = ANY ($2::bigint[]) AND endpoint_id = $1 AND arrived_by > clock_timestamp()
             RETURNING id
           )
           UPDATE endpoint_rates SET taken = taken - (SELECT count(*)::int FROM gone) WHERE endpoint_id = $1`,
    values: [toUuid(endpointId), permits],
  });
}
