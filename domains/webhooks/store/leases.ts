import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { DeadReason } from '../rules/attempt-outcome';
import { AFTER_RESTART, IS_OPEN } from './open-state';

/** Whether the lease of a delivery could be taken. */
export type LeaseResult =
  | {
      outcome: 'leased';
      /** The token, needed to record the attempt's outcome. */
      lease: string;
      deliveryId: PublicId;
      messageId: PublicId;
      endpointId: PublicId;
      endpointVersion: number;
      body: string;
      /** Attempts made so far, in all and in this run of the schedule. */
      attempts: number;
      attemptsInRun: number;
      createdAt: Date;
    }
  /**
   * Another process holds it, it is not due, or it was ended or held instead: see {@link leaseDue}. `buried` says why, if
   * it became a dead letter now.
   */
  | { outcome: 'not-leased'; buried?: DeadReason };

const NOT_LEASED: LeaseResult = { outcome: 'not-leased' };

// The statement that hands out a due delivery also applies its endpoint's state:
// deleted → cancelled, disabled or content expired → dead letter, paused → held. The lease's token is the column `claim`.
// A lease that ran out is taken over only once Postgres has been up for some seconds: see AFTER_RESTART.
const LEASE_DUE = `
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS w(id, dead_letter, n)
), due AS (
  SELECT d.id FROM deliveries d
  WHERE d.id = ANY ($1::uuid[]) AND d.state ${IS_OPEN} AND d.next_attempt_at <= now() AND (d.claim IS NULL OR ${AFTER_RESTART})
  ORDER BY d.id
  FOR UPDATE SKIP LOCKED
), judged AS (
  SELECT d.id, w.n, w.dead_letter, e.version, m.body, e.timeout_ms,
         CASE WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
              WHEN e.state = 'disabled' OR m.body IS NULL OR m.content_expires_at <= now() THEN 'dead'
              WHEN e.state = 'paused' THEN 'held'
              ELSE d.state END AS state,
         CASE WHEN e.state = 'disabled' THEN 'endpoint-disabled' ELSE 'content-expired' END AS reason
  FROM due
  JOIN deliveries d ON d.id = due.id
  JOIN wanted w ON w.id = d.id
  JOIN endpoints e ON e.id = d.endpoint_id
  LEFT JOIN messages m ON m.id = d.message_id
), moved AS (
  UPDATE deliveries d
  SET state = j.state, updated_at = now(),
      claim = CASE WHEN j.state IN ('pending', 'retrying') THEN $3::uuid END,
      next_attempt_at = CASE WHEN j.state IN ('pending', 'retrying')
                             THEN now() + (j.timeout_ms + $4::int) * interval '1 millisecond' END
  FROM judged j WHERE d.id = j.id
  RETURNING d.id, j.n, d.state, d.message_id, d.endpoint_id, d.attempts, d.attempts_before, d.created_at, d.tenant_id,
            d.event_type, d.last_status, d.last_error, j.version, j.body, j.dead_letter, j.reason
), buried AS (
  INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, last_status,
                            last_error, attempts, created_at)
  SELECT dead_letter, tenant_id, id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, now()
  FROM moved WHERE state = 'dead'
)
SELECT n::int, id, message_id, endpoint_id, version, CASE WHEN state <> 'dead' THEN body END AS body, attempts,
       attempts_before, created_at, CASE WHEN state = 'dead' THEN reason END AS buried
FROM moved WHERE state IN ('pending', 'retrying', 'dead')`;

interface Row {
  n: number;
  id: string;
  message_id: string;
  endpoint_id: string;
  version: number;
  body: string;
  attempts: number;
  attempts_before: number;
  created_at: Date;
  buried: DeadReason | null;
}

/**
 * Takes the lease of the deliveries that are due and free. Due ones whose endpoint is deleted, disabled or
 * paused, or whose content has expired, are ended or held instead.
 *
 * @param lease - one token for all of them
 * @param leaseSlackMs - how long a lease outlasts the endpoint's timeout
 * @returns one result per delivery, in the same order
 */
export async function leaseDue(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  lease: string,
  leaseSlackMs: number,
): Promise<LeaseResult[]> {
  const { rows } = await db.query<Row>({
    name: 'lease-due',
    text: LEASE_DUE,
    values: [deliveryIds.map(toUuid), deliveryIds.map(() => toUuid(newId('dl'))), lease, leaseSlackMs],
  });
  const results: LeaseResult[] = deliveryIds.map(() => NOT_LEASED);
  for (const row of rows) {
    if (row.buried !== null) {
      results[row.n - 1] = { outcome: 'not-leased', buried: row.buried };
      continue;
    }
    results[row.n - 1] = {
      outcome: 'leased',
      lease,
      deliveryId: fromUuid('dlv', row.id),
      messageId: fromUuid('msg', row.message_id),
      endpointId: fromUuid('ep', row.endpoint_id),
      endpointVersion: row.version,
      body: row.body,
      attempts: row.attempts,
      attemptsInRun: row.attempts - row.attempts_before,
      createdAt: row.created_at,
    };
  }
  return results;
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
