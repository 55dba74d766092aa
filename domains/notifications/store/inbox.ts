import { asId, fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { type Condition, mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { CardContent } from '../rules/content';
import type { LockedSend } from './hand-over';

/** A notification in the app. */
export interface InboxItem {
  id: PublicId;
  subscriberId: PublicId;
  notificationId: PublicId;
  topic: string | undefined;
  category: string | undefined;
  contentSealed: Buffer;
  createdAt: Date;
  readAt: Date | undefined;
  archivedAt: Date | undefined;
}

interface Row {
  id: string;
  subscriber_id: string;
  notification_id: string;
  topic: string | null;
  category: string | null;
  content_sealed: Buffer;
  created_at: Date;
  read_at: Date | null;
  archived_at: Date | null;
}

const COLUMNS = `id, subscriber_id, notification_id, topic, category, content_sealed, created_at, read_at, archived_at`;

/** The place that an item's content is sealed for. */
export function inboxPlace(id: PublicId): string {
  return `inbox_items/${id}`;
}

/** Puts what a send says into its subscriber's inbox: an item that has the send's id. */
export async function insertInboxItem(
  db: Queryable,
  keyring: Keyring,
  send: LockedSend,
  content: CardContent,
): Promise<void> {
  const id = asId('ibx', send.id);
  await db.query({
    name: 'insert-inbox-item',
    text: `INSERT INTO inbox_items (id, tenant_id, subscriber_id, notification_id, topic, category, content_sealed)
           VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      toUuid(id),
      toUuid(send.tenantId),
      toUuid(send.subscriberId),
      toUuid(send.notificationId),
      send.topic,
      send.category,
      keyring.encrypt(JSON.stringify(content), inboxPlace(id)),
    ],
  });
}

export interface InboxFilter {
  /** Only those that are read, or that are not. */
  read?: boolean | undefined;
  archived?: boolean | undefined;
}

/** Index: inbox_items_by_subscriber; filters are checked row by row within the scan budget. */
export async function listInbox(
  db: Queryable,
  subscriberId: PublicId,
  { read, archived }: InboxFilter,
  request: PageRequest,
): Promise<Page<InboxItem>> {
  const filter: Condition[] = [];
  if (read !== undefined) filter.push([`(read_at IS NOT NULL) = ?`, read]);
  if (archived !== undefined) filter.push([`(archived_at IS NOT NULL) = ?`, archived]);
  const query = {
    columns: COLUMNS,
    table: 'inbox_items',
    index: { prefix: ['subscriber_id', toUuid(subscriberId)], key: 'id' } as const,
    filter,
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** What to do with an item: null takes a mark away, undefined leaves it. */
export interface InboxMarks {
  read?: boolean | undefined;
  archived?: boolean | undefined;
}

/** Marks an item; one that has the mark keeps its time. @returns `undefined` when the subscriber has no such item */
export async function markInboxItem(
  db: Queryable,
  subscriberId: PublicId,
  id: PublicId,
  { read, archived }: InboxMarks,
): Promise<InboxItem | undefined> {
  const mark = (column: string, place: number) =>
    `${column} = CASE $${place}::boolean WHEN true THEN coalesce(${column}, now()) WHEN false THEN NULL ELSE ${column} END`;
  const { rows } = await db.query<Row>({
    text: `UPDATE inbox_items SET ${mark('read_at', 3)}, ${mark('archived_at', 4)}
           WHERE id = $1 AND subscriber_id = $2 RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(subscriberId), read, archived],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: Row): InboxItem {
  return {
    id: fromUuid('ibx', row.id),
    subscriberId: fromUuid('sub', row.subscriber_id),
    notificationId: fromUuid('ntf', row.notification_id),
    topic: row.topic ?? undefined,
    category: row.category ?? undefined,
    contentSealed: row.content_sealed,
    createdAt: row.created_at,
    readAt: row.read_at ?? undefined,
    archivedAt: row.archived_at ?? undefined,
  };
}
