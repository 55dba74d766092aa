import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../../preferences';

/** What is to be told to a subscriber. */
export interface Notification {
  id: PublicId;
  tenantId: PublicId;
  subscriberId: PublicId;
  /** One of both. */
  topic: string | undefined;
  category: string | undefined;
  template: { key: string; version: number } | undefined;
  /** What it says by channel; undefined once forgotten. */
  contentSealed: Buffer | undefined;
  workflowId: string;
  createdBy: string;
  createdAt: Date;
}

/** A notification about to be stored, and where it goes. */
export interface NewNotification extends Omit<Notification, 'createdAt'> {
  sends: readonly { id: PublicId; channel: Channel; destinationId: PublicId | undefined }[];
}

interface Row {
  id: string;
  tenant_id: string;
  subscriber_id: string;
  topic: string | null;
  category: string | null;
  template: string | null;
  template_version: number | null;
  content_sealed: Buffer | null;
  workflow_id: string;
  created_by: string;
  created_at: Date;
}

const COLUMNS = `id, tenant_id, subscriber_id, topic, category, template, template_version, content_sealed, workflow_id,
  created_by, created_at`;

/**
 * Stores a notification with its sends. An erasure of its subscriber waits for the transaction, or is waited for: nothing is
 * stored that it would overlook. Changes of what they want neither wait nor are waited for. Index: subscribers_pkey.
 *
 * @returns false when there is one with its id, or the subscriber is erased
 */
export async function insertNotification(db: Queryable, notification: NewNotification): Promise<boolean> {
  const { sends, template } = notification;
  const { rowCount } = await db.query({
    name: 'insert-notification',
    text: `WITH who AS MATERIALIZED (
             SELECT id FROM subscribers WHERE id = $3 AND erased_at IS NULL FOR KEY SHARE
           ), made AS (
             INSERT INTO notifications (id, tenant_id, subscriber_id, topic, category, template, template_version,
                                        content_sealed, workflow_id, created_by)
             SELECT $1::uuid, $2::uuid, who.id, $4, $5, $6, $7, $8::bytea, $9, $10 FROM who
             ON CONFLICT (id) DO NOTHING RETURNING id, tenant_id, subscriber_id, workflow_id
           ), sends AS (
             INSERT INTO sends (id, notification_id, tenant_id, subscriber_id, workflow_id, channel, destination_id)
             SELECT s.id, m.id, m.tenant_id, m.subscriber_id, m.workflow_id, s.channel, s.destination
             FROM made m, unnest($11::uuid[], $12::text[], $13::uuid[]) AS s(id, channel, destination)
           )
           SELECT FROM made`,
    values: [
      toUuid(notification.id),
      toUuid(notification.tenantId),
      toUuid(notification.subscriberId),
      notification.topic,
      notification.category,
      template?.key,
      template?.version,
      notification.contentSealed,
      notification.workflowId,
      notification.createdBy,
      sends.map(({ id }) => toUuid(id)),
      sends.map(({ channel }) => channel),
      sends.map(({ destinationId }) => (destinationId === undefined ? null : toUuid(destinationId))),
    ],
  });
  return rowCount === 1;
}

/** Index: notifications_pkey. */
export async function findNotification(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<Notification | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM notifications WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: notifications_by_subscriber, or notifications_by_tenant. */
export async function listNotifications(
  db: Queryable,
  tenantId: PublicId,
  { subscriberId }: { subscriberId?: PublicId | undefined },
  request: PageRequest,
): Promise<Page<Notification>> {
  const query = {
    columns: COLUMNS,
    table: 'notifications',
    index:
      subscriberId === undefined
        ? ({ prefix: ['tenant_id', toUuid(tenantId)], key: 'id' } as const)
        : ({ prefix: ['subscriber_id', toUuid(subscriberId)], key: 'id' } as const),
    fixed: subscriberId === undefined ? [] : ([['tenant_id = ?', toUuid(tenantId)]] as const),
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** A decision about a send, as it was recorded: each try to hand it over has one. */
export interface RecordedDecision {
  decision: string;
  rule: string;
  level: string;
  recordId: string | undefined;
  reason: string | undefined;
  preferenceVersion: number;
  decidedAt: Date;
}

/** Every decision about these sends, in their order. Index: send_decisions_pkey. */
export async function decisionsOf(
  db: Queryable,
  sendIds: readonly PublicId[],
): Promise<Map<PublicId, RecordedDecision[]>> {
  const decisions = new Map<PublicId, RecordedDecision[]>(sendIds.map((id) => [id, []]));
  if (sendIds.length === 0) return decisions;
  const { rows } = await db.query<DecisionRow>({
    text: `SELECT send_id, decision, rule, level, record_id, reason, version, decided_at FROM send_decisions
           WHERE send_id = ANY ($1) ORDER BY send_id, number`,
    values: [sendIds.map(toUuid)],
  });
  for (const { send_id, record_id, reason, version, decided_at, ...decision } of rows) {
    decisions.get(fromUuid('snd', send_id))?.push({
      ...decision,
      recordId: record_id ?? undefined,
      reason: reason ?? undefined,
      preferenceVersion: Number(version),
      decidedAt: decided_at,
    });
  }
  return decisions;
}

interface DecisionRow {
  send_id: string;
  decision: string;
  rule: string;
  level: string;
  record_id: string | null;
  reason: string | null;
  version: string;
  decided_at: Date;
}

function fromRow(row: Row): Notification {
  const { template, template_version: version } = row;
  return {
    id: fromUuid('ntf', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    subscriberId: fromUuid('sub', row.subscriber_id),
    topic: row.topic ?? undefined,
    category: row.category ?? undefined,
    template: template === null || version === null ? undefined : { key: template, version },
    contentSealed: row.content_sealed ?? undefined,
    workflowId: row.workflow_id,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
