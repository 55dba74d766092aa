import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Who a tenant's mail is from. */
export interface NotificationSettings {
  senderName: string | undefined;
  /** The operator's where there is none. */
  senderAddress: string | undefined;
  replyTo: string | undefined;
  /** Stands at the end of commercial mail. */
  postalAddress: string | undefined;
  /** Grows with every change; 1 before the first. */
  revision: number;
}

interface Row {
  sender_name: string | null;
  sender_address: string | null;
  reply_to: string | null;
  postal_address: string | null;
  revision: string;
}

const COLUMNS = 'sender_name, sender_address, reply_to, postal_address, revision';

/** A tenant's settings, or those of one that has set none. */
export async function findSettings(db: Queryable, tenantId: PublicId): Promise<NotificationSettings> {
  const { rows } = await db.query<Row>({
    name: 'notification-settings',
    text: `SELECT ${COLUMNS} FROM notification_settings WHERE tenant_id = $1`,
    values: [toUuid(tenantId)],
  });
  return fromRow(rows[0]);
}

/** The fields to change; null takes one away. */
export interface SettingsChange {
  senderName?: string | null | undefined;
  senderAddress?: string | null | undefined;
  replyTo?: string | null | undefined;
  postalAddress?: string | null | undefined;
}

/** Makes sure that the tenant has a row, so that it can be locked and changed. */
export async function keepSettings(db: Queryable, tenantId: PublicId): Promise<void> {
  await db.query({
    text: 'INSERT INTO notification_settings (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING',
    values: [toUuid(tenantId)],
  });
}

/** @returns `undefined` when the revision is none of the expected ones */
export async function updateSettings(
  db: Queryable,
  tenantId: PublicId,
  change: SettingsChange,
  expected: ExpectedVersion | undefined,
): Promise<NotificationSettings | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE notification_settings
           SET sender_name = CASE WHEN $2 THEN $3 ELSE sender_name END,
               sender_address = CASE WHEN $4 THEN $5 ELSE sender_address END,
               reply_to = CASE WHEN $6 THEN $7 ELSE reply_to END,
               postal_address = CASE WHEN $8 THEN $9 ELSE postal_address END,
               revision = revision + 1, updated_at = now()
           WHERE tenant_id = $1 AND ($10::bigint[] IS NULL OR revision = ANY ($10)) RETURNING ${COLUMNS}`,
    values: [
      toUuid(tenantId),
      change.senderName !== undefined,
      change.senderName,
      change.senderAddress !== undefined,
      change.senderAddress,
      change.replyTo !== undefined,
      change.replyTo,
      change.postalAddress !== undefined,
      change.postalAddress,
      versionsToMatch(expected),
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: Row | undefined): NotificationSettings {
  return {
    senderName: row?.sender_name ?? undefined,
    senderAddress: row?.sender_address ?? undefined,
    replyTo: row?.reply_to ?? undefined,
    postalAddress: row?.postal_address ?? undefined,
    revision: Number(row?.revision ?? 1),
  };
}
