import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';

/**
 * Stores deliveries of an endpoint that were given up an hour ago, with their messages and dead letters, as Waybill would
 * have left them. The payloads have the marks of a step.
 */
export async function addDeadDeliveries(
  pool: Pool,
  endpointId: string,
  { step, count }: { step: number; count: number },
): Promise<void> {
  await pool.query(
    `WITH made AS MATERIALIZED (
       SELECT e.tenant_id, e.id AS endpoint_id, i, now() - interval '1 hour' AS at,
              (lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - 3600000 + i), 12, '0') || '7' || lpad(to_hex($2::int), 3, '0')
               || '8' || lpad(to_hex(i), 15, '0'))::uuid AS id
       FROM generate_series(0, $3::int - 1) AS i, endpoints e WHERE e.id = $1
     ), messages_made AS (
       INSERT INTO messages (id, tenant_id, event_type, channels, body, created_at)
       SELECT id, tenant_id, 'bench.replay', '{}',
              '{"type":"bench.replay","data":{"mark":"' || lpad($2::text, 4, '0') || '-' || lpad(i::text, 8, '0') || '"}}', at
       FROM made
     ), deliveries_made AS (
       INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, attempts, last_status, last_error,
                               workflow_id, created_at, updated_at)
       SELECT id, tenant_id, id, endpoint_id, 'bench.replay', 'dead', 1, 500, 'http-500', 'bench', at, at FROM made
     )
     INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                               last_error, attempts, created_at)
     SELECT id, tenant_id, id, id, endpoint_id, 'bench.replay', 'exhausted', 500, 'http-500', 1, at FROM made`,
    [toUuid(endpointId), step, count],
  );
  await pool.query('ANALYZE messages, deliveries, dead_letters');
}
