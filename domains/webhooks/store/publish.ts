import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { MESSAGES_LIST } from '../../../infra/postgres/followed-lists';
import type { Queryable } from '../../../infra/postgres/pool';
import { LANES, type Lane } from '../rules/lane';
import { backlogWorkflowOf } from './backlog';
import { FAILS_OVER, IS_HELD, PROBE_WANTED } from './circuit-state';
import { laneNamed, laneOfTier } from './lanes';

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
  /** `event:…` or `system:…`, and `request:…`: the message is stored only if all of them are new. */
  keys: readonly string[];
  /** SHA-256, in hex, of what a repeated key must repeat. */
  fingerprint: string;
  /** The only endpoint to deliver to, whatever it subscribes to. */
  onlyEndpointId: PublicId | undefined;
  /** The numbers of its deliveries' lanes by their endpoints' tiers, as `lanesOf` says; absent where the tier alone decides. */
  lanes?: readonly number[] | undefined;
}

export interface StoredDelivery {
  id: PublicId;
  endpointId: PublicId;
  /** The endpoint's version that this statement saw: whoever attempts must use that or a newer one. */
  endpointVersion: number;
  workflowId: string;
  /** Whether its endpoint is paused or its circuit open, so that nobody may attempt it now. */
  held: boolean;
  /** Whether it goes to its endpoint's fallback URL, since the circuit is open. */
  failover: boolean;
  /** Whether it is to be tried at the endpoint all the same, if nobody else tries that. */
  probe: boolean;
  /** Whether it waits in its endpoint's backlog, behind others. */
  backlog: boolean;
  lane: Lane;
  /** Whether its endpoint is ordered: it waits in the backlog until those before it are settled. */
  ordered: boolean;
  timeoutMs: number;
  /** The endpoint's delay before the second attempt; undefined when it allows only one. */
  firstRetryMs: number | undefined;
}

/** `undefined` when one of the message's keys was taken: the message was not stored. */
export type StoreResult = StoredDelivery[] | undefined;

export interface StoreOptions {
  /** The token of the lease for the first attempts. `undefined` leaves them due at once, for the workflow. */
  lease: string | undefined;
  /** How long a lease outlasts the endpoint's timeout, in milliseconds. */
  leaseSlackMs: number;
  /** How many deliveries get a workflow of their own; the others share. */
  ownWorkflows: number;
  /** The shared workflows' id, without its part number. */
  sharedWorkflow: string;
  /** Deliveries that the shared workflow holds already. */
  sharedOffset: number;
  /** Most deliveries in one shared workflow. */
  sharedSize: number;
}

// What is urgent is attempted at once although others wait in its endpoint's backlog, whose rounds have pauses. Where the
// endpoint takes no more it is moved there.
//
// One statement per batch. A message and its keys are stored together, so a key that is visible without its message can
// only belong to a message that lost another of its keys in the same instant (see store/message-keys.ts).
//
// Places in the orders of endpoints are given under a lock that is held until the commit, taken in one order after those
// of the keys, so that publishes never wait for each other in a circle. Where no endpoint is ordered nothing is locked.
//
// A CTE has no statistics, so CTEs are not joined with each other: each carries what the next needs, and membership is
// tested by a hashed subplan. Joining two of them by nested loop cost 1 ms a message in batches of 200.
const STORE_MESSAGES = `
WITH told AS MATERIALIZED (
  SELECT writes_to_list(${MESSAGES_LIST.number}, $8::uuid, ${MESSAGES_LIST.settleMs}) AS told
), input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS i(
    n int, id uuid, tenant uuid, type text, patterns text[], event text, channels text[], body text,
    expires timestamptz, created timestamptz, keys text[], print text, only_endpoint uuid, lanes int[])
  WHERE (SELECT told FROM told)
), claimed AS (
  INSERT INTO message_keys (tenant_id, key, message_id, fingerprint)
  SELECT i.tenant, k.key, i.id, decode(i.print, 'hex')
  FROM input i CROSS JOIN LATERAL unnest(i.keys) AS k(key)
  WHERE (SELECT count(*) FROM message_keys mk WHERE mk.tenant_id = i.tenant AND mk.key = ANY (i.keys)) = 0
  ORDER BY i.tenant, k.key
  ON CONFLICT DO NOTHING
  RETURNING message_id
), fresh AS MATERIALIZED (
  SELECT i.* FROM input i
  WHERE cardinality(i.keys) = 0
     OR (i.id, cardinality(i.keys)) IN (SELECT message_id, count(*)::int FROM claimed GROUP BY message_id)
), stored AS (
  INSERT INTO messages (id, tenant_id, event_type, event_id, channels, body, body_size, content_expires_at, created_at)
  SELECT id, tenant, type, event, channels, body, octet_length(body), expires, created FROM fresh
), wanted AS (
  SELECT f.n, f.id, f.tenant, f.type, f.created, f.channels, f.lanes, s.endpoint_id
  FROM fresh f JOIN endpoint_subscriptions s ON s.tenant_id = f.tenant AND s.pattern = ANY (f.patterns)
  WHERE f.only_endpoint IS NULL
  UNION
  SELECT f.n, f.id, f.tenant, f.type, f.created, f.channels, f.lanes, f.only_endpoint
  FROM fresh f WHERE f.only_endpoint IS NOT NULL
), matched AS (
  SELECT w.n, w.tenant, w.type, w.created, w.id AS message_id, w.endpoint_id, e.version, e.timeout_ms,
         e.retry_delays_ms[1] AS first_retry_ms,
         CASE WHEN e.ordering = 'fifo' THEN ${LANES.indexOf('normal')} ELSE ${laneOfTier('w.lanes')} END AS lane,
         ${IS_HELD} AND e.ordering = 'none' AS held, ${FAILS_OVER} AS failover, ${PROBE_WANTED} AS probe,
         e.ordering = 'fifo' OR NOT (${IS_HELD}) AND coalesce(e.backlog_until > now(), false) AND ${laneOfTier('w.lanes')} > 0
           AS backlog,
         e.ordering = 'fifo' AS ordered,
         (left(replace(w.id::text, '-', ''), 16) || '8' || left(md5(w.id::text || w.endpoint_id::text), 15))::uuid AS id,
         (row_number() OVER () - $4::int)::int AS place
  FROM wanted w JOIN endpoints e ON e.id = w.endpoint_id
  WHERE e.tenant_id = w.tenant AND e.state <> 'disabled' AND e.deleted_at IS NULL
    AND (cardinality(e.channels) = 0 OR e.channels && w.channels)
), planned AS MATERIALIZED (
  SELECT m.*, CASE WHEN backlog THEN ${backlogWorkflowOf('endpoint_id')}
                   WHEN place <= 0 THEN 'webhook-delivery/dlv_' || replace(id::text, '-', '')
                   ELSE $5::text || '.' || ((place - 1 + $6::int) / $7::int) END AS workflow_id
  FROM matched m
), ordered AS MATERIALIZED (
  INSERT INTO endpoint_orders AS o (endpoint_id, last_sequence)
  SELECT endpoint_id, count(*) FROM planned WHERE ordered GROUP BY endpoint_id ORDER BY endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET last_sequence = o.last_sequence + excluded.last_sequence
  RETURNING endpoint_id, last_sequence
), made AS (
  INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, next_attempt_at, claim, backlog,
                          lane, workflow_id, created_at, updated_at, sequence)
  SELECT id, tenant, message_id, endpoint_id, type,
         CASE WHEN held THEN 'held' ELSE 'pending' END,
         CASE WHEN held OR ordered THEN NULL
              WHEN backlog OR $2::uuid IS NULL THEN now()
              ELSE now() + (timeout_ms + $3::int) * interval '1 millisecond' END,
         CASE WHEN held OR backlog THEN NULL ELSE $2::uuid END, backlog, lane, workflow_id, created, created,
         CASE WHEN ordered THEN (SELECT o.last_sequence FROM ordered o WHERE o.endpoint_id = planned.endpoint_id) + 1
                                - row_number() OVER (PARTITION BY endpoint_id ORDER BY n DESC) END
  FROM planned
)
SELECT n, NULL::uuid, NULL::uuid, 0, '', false, false, 0, 0, false, false, 0, false FROM fresh
UNION ALL
SELECT n, id, endpoint_id, version, workflow_id, held, backlog, timeout_ms, first_retry_ms, failover, probe, lane,
       ordered
FROM planned`;

/** A message that was stored has one row without a delivery, and one for each delivery. */
type Row = [
  number,
  string | null,
  string,
  number,
  string,
  boolean,
  boolean,
  number,
  number | null,
  boolean,
  boolean,
  number,
  boolean,
];

/**
 * Stores a batch of messages, and a delivery for every endpoint that wants one, in one statement.
 *
 * @returns one result per message, in the same order
 * @throws SQLSTATE {@link TOO_OLD} when a message's id is too old: nothing is stored, and it needs a new one
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
    lanes: message.lanes,
  }));
  const { rows } = await db.query<Row>({
    name: 'store-messages',
    text: STORE_MESSAGES,
    values: [
      JSON.stringify(input),
      options.lease,
      options.leaseSlackMs,
      options.ownWorkflows,
      options.sharedWorkflow,
      options.sharedOffset,
      options.sharedSize,
      oldestOf(messages),
    ],
    rowMode: 'array',
  });
  const results: StoreResult[] = new Array(messages.length).fill(undefined);
  for (const row of rows) {
    const [
      n,
      deliveryId,
      endpointId,
      endpointVersion,
      workflowId,
      held,
      backlog,
      timeoutMs,
      firstRetryMs,
      failover,
      probe,
      lane,
      ordered,
    ] = row;
    let deliveries = results[n];
    if (deliveries === undefined) {
      deliveries = [];
      results[n] = deliveries;
    }
    if (deliveryId === null) continue;
    deliveries.push({
      id: fromUuid('dlv', deliveryId),
      endpointId: fromUuid('ep', endpointId),
      endpointVersion,
      workflowId,
      held,
      failover,
      probe,
      backlog,
      lane: laneNamed(lane),
      ordered,
      timeoutMs,
      firstRetryMs: firstRetryMs ?? undefined,
    });
  }
  return results;
}

function oldestOf(messages: readonly NewMessage[]): string {
  let oldest = '';
  for (const { id } of messages) if (oldest === '' || id < oldest) oldest = id;
  return toUuid(oldest);
}
