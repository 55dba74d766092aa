import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DeadReason } from '../rules/attempt-outcome';
import type { Lane } from '../rules/lane';
import { IN_BACKLOG } from './backlog';
import { FAILS_OVER, IS_HELD, PROBE_WANTED } from './circuit-state';
import { dueByLane, laneNamed } from './lanes';
import { AFTER_RESTART, IS_OPEN } from './open-state';
import { dueHead } from './ordering';

/** A delivery whose lease was taken. */
export interface Leased {
  /** The token, needed to record the attempt's outcome. */
  lease: string;
  deliveryId: PublicId;
  tenantId: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  endpointVersion: number;
  body: string;
  /** Attempts made so far, in all and in this run of the schedule. */
  attempts: number;
  attemptsInRun: number;
  createdAt: Date;
  /** Whether it goes to its endpoint's fallback URL, since the circuit is open. */
  failover: boolean;
  /** Whether it is to be tried at the endpoint all the same, if nobody else tries that. */
  probe: boolean;
  eventType: string;
  lane: Lane;
  /** Whether it has a place in its endpoint's order. */
  ordered: boolean;
}

/** What became of due deliveries. */
export interface LeaseResult {
  leased: Leased[];
  /** Those that became dead letters instead, by reason. */
  buried: DeadReason[];
  /** How many are no longer due, those leased included. */
  moved: number;
}

export interface LeaseOptions {
  /** One token for all of them. */
  lease: string;
  /** How long a lease outlasts the endpoint's timeout, in milliseconds. */
  leaseSlackMs: number;
  /** Bytes of content that may be handed out; a delivery beyond stays due. The first is handed out whatever its size. */
  maxBytes: number;
  /** Whether leases of others that ran out may be taken: not while their holders are only about to record. */
  takeOver: boolean;
}

/** What the content of messages of earlier versions counts. */
const UNKNOWN_SIZE = 16_384;

// The statement that hands out due deliveries also applies their endpoints' states: deleted → cancelled, content expired →
// dead letter, paused, disabled or its circuit open → held. A probe (`d.state` is `held`) is let through an open
// circuit. The lease's token is the column `claim`. A lease that ran out is taken over
// only once Postgres has been within reach for some seconds: see AFTER_RESTART.
const lease = (due: string) => `
WITH due AS MATERIALIZED (${due}), numbered AS MATERIALIZED (
  SELECT id, row_number() OVER ()::int AS n FROM due
), judged AS MATERIALIZED (
  SELECT d.id, u.n, e.version, m.body, e.timeout_ms,
         coalesce(sum(coalesce(m.body_size, ${UNKNOWN_SIZE})) OVER (ORDER BY u.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
           AS bytes_before,
         CASE WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
              WHEN m.body IS NULL OR m.content_expires_at <= now() THEN 'dead'
              WHEN e.state <> 'enabled' THEN 'held'
              WHEN d.state = 'held' THEN CASE WHEN d.attempts = 0 THEN 'pending' ELSE 'retrying' END
              WHEN ${IS_HELD} THEN 'held'
              ELSE d.state END AS state,
         ${FAILS_OVER} AND d.state <> 'held' AS failover, ${PROBE_WANTED} AND d.state <> 'held' AS probe,
         'content-expired' AS reason
  FROM numbered u
  JOIN deliveries d ON d.id = u.id
  JOIN endpoints e ON e.id = d.endpoint_id
  LEFT JOIN messages m ON m.id = d.message_id
), moved AS (
  UPDATE deliveries d
  SET state = j.state, updated_at = now(),
      claim = CASE WHEN j.state IN ('pending', 'retrying') THEN $1::uuid END,
      backlog = d.backlog AND j.state IN ('pending', 'retrying'),
      next_attempt_at = CASE WHEN j.state IN ('pending', 'retrying')
                             THEN now() + (j.timeout_ms + $2::int) * interval '1 millisecond' END
  FROM judged j WHERE d.id = j.id AND j.bytes_before < $3::float8
  RETURNING d.id, j.n, d.state, d.message_id, d.endpoint_id, d.attempts, d.attempts_before, d.created_at, d.tenant_id,
            d.event_type, d.sequence, d.last_status, d.last_error, j.version, j.body, j.reason, j.failover, j.probe,
            d.lane
), buried AS (
  INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                            last_error, attempts, created_at)
  SELECT ($4::uuid[])[n], tenant_id, id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, now()
  FROM moved WHERE state = 'dead'
)
SELECT state, id, tenant_id, message_id, endpoint_id, version,
       CASE WHEN state IN ('pending', 'retrying') THEN body END AS body, attempts, attempts_before, created_at, reason,
       failover, probe, event_type, lane, sequence IS NOT NULL AS ordered
FROM moved ORDER BY n`;

const MAY_TAKE_OVER = `($5 AND ${AFTER_RESTART})`;

const LEASE_DUE = lease(`
  SELECT d.id FROM deliveries d
  WHERE d.id = ANY ($6::uuid[]) AND d.state ${IS_OPEN} AND d.next_attempt_at <= now() AND (d.claim IS NULL OR ${MAY_TAKE_OVER})
  ORDER BY d.id
  FOR UPDATE SKIP LOCKED`);

const LEASE_BACKLOG = lease(
  dueByLane({
    condition: `d.endpoint_id = $6 AND ${IN_BACKLOG} AND d.next_attempt_at <= now() AND (d.claim IS NULL OR ${MAY_TAKE_OVER})`,
    limit: '$7',
    lanes: ['$8', '$9', '$10'],
  }),
);

const LEASE_HEAD = lease(dueHead(MAY_TAKE_OVER));

const LEASE_HELD = lease(`
  SELECT d.id FROM deliveries d
  WHERE d.endpoint_id = $6 AND d.state = 'held' AND d.id > $7 AND $5::boolean IS NOT NULL
  ORDER BY d.id LIMIT 1
  FOR UPDATE SKIP LOCKED`);

interface Row {
  state: string;
  id: string;
  tenant_id: string;
  message_id: string;
  endpoint_id: string;
  version: number;
  body: string;
  attempts: number;
  attempts_before: number;
  created_at: Date;
  reason: DeadReason;
  failover: boolean;
  probe: boolean;
  event_type: string;
  lane: number;
  ordered: boolean;
}

/**
 * Takes the lease of the deliveries that are due and free. Due ones whose endpoint is deleted, disabled or paused, or
 * whose content has expired, are ended or held instead; so are those whose endpoint has an open circuit.
 */
export async function leaseDue(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  options: LeaseOptions,
): Promise<LeaseResult> {
  const { rows } = await db.query<Row>({
    name: 'lease-due',
    text: LEASE_DUE,
    values: [...common(options, deliveryIds.length), deliveryIds.map(toUuid)],
  });
  return resultOf(rows, options.lease);
}

/** What of an endpoint's backlog is leased: at most so many, and of which lanes first. */
export interface BacklogShare {
  limit: number;
  /** The numbers of the lanes, the first first. */
  lanes: readonly number[];
}

/** Like {@link leaseDue}, for the most overdue of an endpoint's backlog, lane by lane. */
export async function leaseBacklog(
  db: Queryable,
  endpointId: PublicId,
  { limit, lanes }: BacklogShare,
  options: LeaseOptions,
): Promise<LeaseResult> {
  const { rows } = await db.query<Row>({
    name: 'lease-backlog',
    text: LEASE_BACKLOG,
    values: [...common(options, limit), toUuid(endpointId), limit, ...lanes],
  });
  return resultOf(rows, options.lease);
}

/** Like {@link leaseDue}, for the head of an ordered endpoint's line, if it may be attempted now. */
export async function leaseHead(db: Queryable, endpointId: PublicId, options: LeaseOptions): Promise<LeaseResult> {
  const { rows } = await db.query<Row>({
    name: 'lease-head',
    text: LEASE_HEAD,
    values: [...common(options, 1), toUuid(endpointId)],
  });
  return resultOf(rows, options.lease);
}

/**
 * Like {@link leaseDue}, for one held delivery, whatever its endpoint's circuit says: the oldest after the given one.
 *
 * @param after - undefined for the oldest of all
 */
export async function leaseHeld(
  db: Queryable,
  endpointId: PublicId,
  after: PublicId | undefined,
  options: LeaseOptions,
): Promise<LeaseResult> {
  const { rows } = await db.query<Row>({
    name: 'lease-held',
    text: LEASE_HELD,
    values: [...common(options, 1), toUuid(endpointId), after === undefined ? NIL : toUuid(after)],
  });
  return resultOf(rows, options.lease);
}

const NIL = '00000000-0000-0000-0000-000000000000';

function common(options: LeaseOptions, most: number): unknown[] {
  const deadLetters = Array.from({ length: most }, () => toUuid(newId('dl')));
  return [options.lease, options.leaseSlackMs, options.maxBytes, deadLetters, options.takeOver];
}

function resultOf(rows: readonly Row[], lease: string): LeaseResult {
  const result: LeaseResult = { leased: [], buried: [], moved: rows.length };
  for (const row of rows) {
    if (row.state === 'dead') result.buried.push(row.reason);
    if (row.state !== 'pending' && row.state !== 'retrying') continue;
    result.leased.push({
      lease,
      deliveryId: fromUuid('dlv', row.id),
      tenantId: fromUuid('ten', row.tenant_id),
      messageId: fromUuid('msg', row.message_id),
      endpointId: fromUuid('ep', row.endpoint_id),
      endpointVersion: row.version,
      body: row.body,
      attempts: row.attempts,
      attemptsInRun: row.attempts - row.attempts_before,
      createdAt: row.created_at,
      failover: row.failover,
      probe: row.probe,
      eventType: row.event_type,
      lane: laneNamed(row.lane),
      ordered: row.ordered,
    });
  }
  return result;
}

/** Gives up leases without an attempt: the deliveries are due again, at once or after a pause. */
export async function releaseLeases(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  lease: string,
  pauseMs = 0,
): Promise<void> {
  await db.query({
    name: 'release-leases',
    text: `UPDATE deliveries SET claim = NULL, next_attempt_at = now() + $3::int * interval '1 millisecond', updated_at = now()
           WHERE id = ANY ($1::uuid[]) AND claim = $2 AND state ${IS_OPEN}`,
    values: [deliveryIds.map(toUuid), lease, pauseMs],
  });
}
