import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

// What is kept of somebody who is erased, taken away a batch at a time.

/** Forgets what somebody was told. Index: notifications_by_subscriber. @returns of how many notifications */
export async function forgetContentsOf(db: Queryable, subscriberId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE notifications SET content_sealed = NULL
           WHERE id = ANY (ARRAY(
             SELECT id FROM notifications WHERE subscriber_id = $1 AND content_sealed IS NOT NULL ORDER BY id LIMIT $2))`,
    values: [toUuid(subscriberId), limit],
  });
  return rowCount ?? 0;
}

/** Empties somebody's inbox. Index: inbox_items_by_subscriber. @returns of how many items */
export async function removeInboxOf(db: Queryable, subscriberId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM inbox_items
           WHERE id = ANY (ARRAY(SELECT id FROM inbox_items WHERE subscriber_id = $1 ORDER BY id LIMIT $2))`,
    values: [toUuid(subscriberId), limit],
  });
  return rowCount ?? 0;
}

/** A subscriber's notifications after one, by id. Index: notifications_by_subscriber. */
export async function notificationsOf(
  db: Queryable,
  subscriberId: PublicId,
  after: PublicId | undefined,
  limit: number,
): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT id FROM notifications WHERE subscriber_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    values: [toUuid(subscriberId), after === undefined ? null : toUuid(after), limit],
  });
  return rows.map(({ id }) => fromUuid('ntf', id));
}

/** A send that is handed over, of which nobody has said yet what became. */
export interface SendInFlight {
  id: PublicId;
  /** Milliseconds until its lease is over; 0 when it is. */
  leaseMs: number;
}

/** Sends of these notifications that are handed over. Index: sends_by_notification. */
export async function sendsInFlight(db: Queryable, notificationIds: readonly PublicId[]): Promise<SendInFlight[]> {
  const { rows } = await db.query<{ id: string; lease_ms: number }>({
    // In two steps: an index of what is open holds everybody's.
    text: `WITH theirs AS MATERIALIZED (SELECT id, state, next_attempt_at FROM sends WHERE notification_id = ANY ($1))
           SELECT id, greatest(0, extract(epoch FROM next_attempt_at - now()) * 1000)::float8 AS lease_ms FROM theirs
           WHERE state = 'sending'`,
    values: [notificationIds.map(toUuid)],
  });
  return rows.map(({ id, lease_ms }) => ({ id: fromUuid('snd', id), leaseMs: Math.ceil(lease_ms) }));
}

/** Sends of these notifications that went to endpoints, and their tenants. Index: sends_by_notification. */
export async function sendsToEndpoints(
  db: Queryable,
  notificationIds: readonly PublicId[],
): Promise<{ id: PublicId; tenantId: PublicId }[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string }>({
    text: `SELECT id, tenant_id FROM sends WHERE notification_id = ANY ($1) AND channel = 'webhook' AND state = 'sent'`,
    values: [notificationIds.map(toUuid)],
  });
  return rows.map(({ id, tenant_id }) => ({ id: fromUuid('snd', id), tenantId: fromUuid('ten', tenant_id) }));
}

/**
 * Forgets what servers and services answered to sends of these notifications, which may repeat an address. Index:
 * sends_by_notification.
 *
 * @returns of how many sends
 */
export async function forgetTraces(db: Queryable, notificationIds: readonly PublicId[]): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE sends SET last_error = NULL, provider_reference = NULL
           WHERE notification_id = ANY ($1) AND state <> 'sending'
             AND (last_error IS NOT NULL OR provider_reference IS NOT NULL)`,
    values: [notificationIds.map(toUuid)],
  });
  return rowCount ?? 0;
}
