import { fromUuid, type PublicId, toUuid } from '../core/ids';
import type { Queryable } from '../infra/postgres/pool';

/** A message about to be stored. */
export interface NewMessage {
  id: PublicId;
  tenantId: PublicId;
  eventType: string;
  /** Every subscription pattern that the event type matches, such as `order.created`, `order.*`, `*`. */
  patterns: readonly string[];
  eventId: string | undefined;
  channels: readonly string[];
  /** The exact text that will be signed and sent. */
  body: string;
  contentExpiresAt: Date | undefined;
  createdAt: Date;
  /** `event:…` and `request:…`: the message is stored only if all of them are new. */
  keys: readonly string[];
  /** SHA-256, in hex, of what a repeated key must repeat. */
  fingerprint: string;
  /** Deliver to this endpoint alone, whatever it subscribes to. */
  onlyEndpointId: PublicId | undefined;
}

export interface StoredDelivery {
  id: PublicId;
  endpointId: PublicId;
  /** The endpoint's version that this statement saw: whoever attempts must use that or a newer one. */
  endpointVersion: number;
  workflowId: string;
  /** Whether its endpoint is paused, so that nobody is to attempt it now. */
  held: boolean;
  timeoutMs: number;
}

/** `undefined` when one of the message's keys was taken; nothing of it was stored then. */
export type StoreResult = StoredDelivery[] | undefined;

export interface StoreOptions {
  /** The lease: who may make the first attempts. `undefined` leaves them due at once, for the workflow. */
  claim: string | undefined;
  /** What a lease lasts beyond the endpoint's timeout, in milliseconds. */
  leaseSlackMs: number;
  /** So many deliveries get a workflow of their own; the others share. */
  ownWorkflows: number;
  /** The shared workflows' id, without its part number. */
  sharedWorkflow: string;
  /** Deliveries that the shared workflow holds already. */
  sharedOffset: number;
  /** Deliveries in one shared workflow at most. */
  sharedSize: number;
}

// One statement a batch. `claimed` and `messages` stand or fall together, so a key that is visible without its message
// can only belong to a message of which another key was taken in the same instant (see store/message-keys.ts).
// Rows that a key conflict keeps out still cost one row of the answer, with delivery_id null and fresh false.
const STORE_MESSAGES = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS i(
    n int, id uuid, tenant uuid, type text, patterns text[], event text, channels text[], body text,
    expires timestamptz, created timestamptz, keys text[], print text, only_endpoint uuid)
), taken AS (
  SELECT i.id FROM input i CROSS JOIN LATERAL unnest(i.keys) AS k(key)
  JOIN message_keys mk ON mk.tenant_id = i.tenant AND mk.key = k.key
), claimed AS (
  INSERT INTO message_keys (tenant_id, key, message_id, fingerprint)
  SELECT i.tenant, k.key, i.id, decode(i.print, 'hex')
  FROM input i CROSS JOIN LATERAL unnest(i.keys) AS k(key)
  WHERE i.id NOT IN (SELECT id FROM taken)
  ORDER BY i.tenant, k.key
  ON CONFLICT DO NOTHING
  RETURNING message_id
), fresh AS MATERIALIZED (
  SELECT i.* FROM input i
  WHERE cardinality(i.keys) = 0
     OR cardinality(i.keys) = (SELECT count(*) FROM claimed c WHERE c.message_id = i.id)
), stored AS (
  INSERT INTO messages (id, tenant_id, event_type, event_id, channels, body, content_expires_at, created_at)
  SELECT id, tenant, type, event, channels, body, expires, created FROM fresh
), wanted AS (
  SELECT f.id AS message_id, s.endpoint_id
  FROM fresh f JOIN endpoint_subscriptions s ON s.tenant_id = f.tenant AND s.pattern = ANY (f.patterns)
  WHERE f.only_endpoint IS NULL
  UNION
  SELECT f.id, f.only_endpoint FROM fresh f WHERE f.only_endpoint IS NOT NULL
), matched AS (
  SELECT f.n, f.tenant, f.type, f.created, w.message_id, w.endpoint_id, e.version, e.timeout_ms, e.state = 'paused' AS held,
         (left(replace(w.message_id::text, '-', ''), 16) || '8'
           || left(md5(w.message_id::text || w.endpoint_id::text), 15))::uuid AS id,
         row_number() OVER () AS place
  FROM wanted w
  JOIN fresh f ON f.id = w.message_id
  JOIN endpoints e ON e.id = w.endpoint_id AND e.tenant_id = f.tenant
  WHERE e.state <> 'disabled' AND e.deleted_at IS NULL
    AND (cardinality(e.channels) = 0 OR e.channels && f.channels)
), made AS (
  INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, next_attempt_at, claim, workflow_id,
                          created_at, updated_at)
  SELECT m.id, m.tenant, m.message_id, m.endpoint_id, m.type,
         CASE WHEN m.held THEN 'held' ELSE 'pending' END,
         CASE WHEN m.held THEN NULL
              WHEN $2::uuid IS NULL THEN now()
              ELSE now() + (m.timeout_ms + $3::int) * interval '1 millisecond' END,
         CASE WHEN m.held THEN NULL ELSE $2::uuid END,
         CASE WHEN m.place <= $4::int THEN 'webhook-delivery/dlv_' || replace(m.id::text, '-', '')
              ELSE $5::text || '.' || ((m.place - $4::int - 1 + $6::int) / $7::int) END,
         m.created, m.created
  FROM matched m
  RETURNING id, workflow_id
)
SELECT i.n, f.id IS NOT NULL, m.id, m.endpoint_id, m.version, made.workflow_id, m.held, m.timeout_ms
FROM input i
LEFT JOIN fresh f ON f.id = i.id
LEFT JOIN matched m ON m.n = i.n
LEFT JOIN made ON made.id = m.id
ORDER BY i.n`;

type Row = [number, boolean, string | null, string, number, string, boolean, number];

/**
 * Stores a batch of messages, and a delivery for every endpoint that wants one, in one statement.
 *
 * @returns one result a message, in their order
 */
export async function storeMessages(
  db: Queryable,
  messages: readonly NewMessage[],
  options: StoreOptions,
): Promise<StoreResult[]> {
  const input = messages.map((message, n) => ({
    n,
    id: toUuid(message.id),
    tenant: toUuid(message.tenantId),
    type: message.eventType,
    patterns: message.patterns,
    event: message.eventId,
    channels: message.channels,
    body: message.body,
    expires: message.contentExpiresAt,
    created: message.createdAt,
    keys: message.keys,
    print: message.fingerprint,
    only_endpoint: message.onlyEndpointId === undefined ? undefined : toUuid(message.onlyEndpointId),
  }));
  const { rows } = await db.query<Row>({
    name: 'store-messages',
    text: STORE_MESSAGES,
    values: [
      JSON.stringify(input),
      options.claim,
      options.leaseSlackMs,
      options.ownWorkflows,
      options.sharedWorkflow,
      options.sharedOffset,
      options.sharedSize,
    ],
    rowMode: 'array',
  });
  const results: StoreResult[] = new Array(messages.length).fill(undefined);
  for (const [n, fresh, deliveryId, endpointId, endpointVersion, workflowId, held, timeoutMs] of rows) {
    if (!fresh) continue;
    let deliveries = results[n];
    if (deliveries === undefined) {
      deliveries = [];
      results[n] = deliveries;
    }
    if (deliveryId === null) continue;
    deliveries.push({
      id: fromUuid('delivery', deliveryId),
      endpointId: fromUuid('endpoint', endpointId),
      endpointVersion,
      workflowId,
      held,
      timeoutMs,
    });
  }
  return results;
}
