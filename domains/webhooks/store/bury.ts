import { newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DeadReason } from '../rules/attempt-outcome';
import { recoverAt } from './recoverable';

/** Deliveries of an endpoint whose time is over. */
export interface Burying {
  /** The prepared statement's name. */
  name: string;
  /** Selects and locks their ids: of endpoint `$1`, after more than `$2` milliseconds, `$3` at most. */
  expired: string;
  reason: DeadReason;
}

/**
 * Makes dead letters of an endpoint's deliveries whose time is over.
 *
 * @returns how many
 */
export async function bury(
  db: Queryable,
  { name, expired, reason }: Burying,
  { endpointId, longerThanMs, limit }: { endpointId: PublicId; longerThanMs: number; limit: number },
): Promise<number> {
  const { rowCount } = await db.query({
    name,
    text: `WITH expired AS MATERIALIZED (${expired}
           ), numbered AS MATERIALIZED (
             SELECT id, row_number() OVER ()::int AS n FROM expired
           ), moved AS (
             UPDATE deliveries d SET state = 'dead', backlog = false, next_attempt_at = NULL, updated_at = now()
             FROM numbered e WHERE d.id = e.id
             RETURNING d.id, e.n, d.tenant_id, d.message_id, d.endpoint_id, d.event_type, d.last_status, d.last_error, d.attempts,
                       d.recoveries
           )
           INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                                     last_error, attempts, created_at, recoveries, recover_at)
           SELECT ($4::uuid[])[n], tenant_id, id, message_id, endpoint_id, event_type, $5, last_status, last_error, attempts,
                  now(), recoveries, ${recoverAt('recoveries')}
           FROM moved`,
    values: [toUuid(endpointId), longerThanMs, limit, Array.from({ length: limit }, () => toUuid(newId('dl'))), reason],
  });
  return rowCount ?? 0;
}
