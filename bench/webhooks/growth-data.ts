import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';

const ROWS_A_STATEMENT = 50_000;
const BODY_BYTES = 1_100;

/** Adds endpoints to a tenant that want event types other than those sent. */
export async function addIdleEndpoints(pool: Pool, tenantId: string, count: number, url: string): Promise<void> {
  await pool.query(
    `WITH made AS (
       INSERT INTO endpoints (id, tenant_id, url, event_types, retry_delays_ms, timeout_ms)
       SELECT gen_random_uuid(), $1, $3, ARRAY['idle.event.' || i], '{5000,30000,180000,1080000}', 15000
       FROM generate_series(1, $2::int) AS i
       RETURNING id, tenant_id, event_types
     )
     INSERT INTO endpoint_subscriptions (tenant_id, pattern, endpoint_id) SELECT tenant_id, event_types[1], id FROM made`,
    [toUuid(tenantId), count, url],
  );
  await pool.query('ANALYZE endpoints, endpoint_subscriptions');
}

// Ids as in production: a time-ordered UUID per message; the first half of it, then a hash, for its delivery.
const ADD_HISTORY = `
WITH owner AS (
  SELECT tenant_id, id AS endpoint_id FROM endpoints WHERE event_types = ARRAY['bench.message'] ORDER BY id LIMIT 1
), made AS MATERIALIZED (
  SELECT (lpad(to_hex($4::bigint + i * 2), 12, '0') || '7' || left(md5(i::text), 3)
           || '8' || substr(md5(i::text), 4, 15))::uuid AS message_id,
         to_timestamp(($4::bigint + i * 2) / 1000.0) AS at, o.*
  FROM generate_series($1::int, $2::int) AS i CROSS JOIN owner o
), delivered AS MATERIALIZED (
  SELECT made.*, (left(replace(message_id::text, '-', ''), 16) || '8'
           || left(md5(message_id::text || endpoint_id::text), 15))::uuid AS delivery_id
  FROM made
), messages_made AS (
  INSERT INTO messages (id, tenant_id, event_type, channels, body, created_at)
  SELECT message_id, tenant_id, 'bench.message', '{}', message_id::text || $3::text, at FROM delivered
), deliveries_made AS (
  INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, attempts, last_status, workflow_id,
                          created_at, updated_at)
  SELECT delivery_id, tenant_id, message_id, endpoint_id, 'bench.message', 'delivered', 1, 200,
         'webhook-delivery/batch_' || md5((at)::date::text) || '.0', at, at
  FROM delivered
)
INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome, status)
SELECT delivery_id, message_id, 1, 'accept', at, 3, 'succeeded', 200 FROM delivered`;

const A_MONTH_MS = 30 * 86_400_000;

/**
 * Adds finished deliveries number `from` to `to`, a month old, as if sent to the endpoint of the plain measurements.
 */
export async function addHistory(pool: Pool, from: number, to: number, signal: AbortSignal): Promise<void> {
  const began = Date.now() - A_MONTH_MS;
  const body = 'x'.repeat(BODY_BYTES);
  for (let start = from; start < to; start += ROWS_A_STATEMENT) {
    signal.throwIfAborted();
    const end = Math.min(to, start + ROWS_A_STATEMENT) - 1;
    await pool.query(ADD_HISTORY, [start, end, body, began]);
  }
  await pool.query('ANALYZE messages, deliveries, attempts');
}
