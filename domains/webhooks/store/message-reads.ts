import { fromUuid, type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import { MESSAGES_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { eventKey, type SystemEventType } from '../rules/system-events';
import { forgetAnswers } from './forget-answers';

/** A message without its content. */
export interface MessageSummary {
  id: PublicId;
  eventType: string;
  eventId: string | undefined;
  channels: string[];
  createdAt: Date;
  /** When the content will be forgotten, if the publisher said so. */
  contentExpiresAt: Date | undefined;
  contentExpired: boolean;
}

export interface MessageWithBody extends MessageSummary {
  /** The text that is signed and sent; absent once the content has expired. */
  body: string | undefined;
}

export interface TimeRange {
  /** Inclusive. */
  since?: Date | undefined;
  /** Exclusive. */
  until?: Date | undefined;
}

export interface MessageFilter extends TimeRange {
  eventType?: string | undefined;
}

interface Row {
  id: string;
  event_type: string;
  event_id: string | null;
  channels: string[];
  created_at: Date;
  content_expires_at: Date | null;
  content_expired: boolean;
}

const COLUMNS = 'id, event_type, event_id, channels, created_at, content_expires_at, body IS NULL AS content_expired';

/**
 * Index: messages_by_tenant (tenant_id, id), for every filter: times are ranges of the id, and the event type is checked
 * row by row within the scan budget.
 */
export async function listMessages(
  db: Queryable,
  tenantId: PublicId,
  filter: MessageFilter,
  request: PageRequest,
): Promise<Page<MessageSummary>> {
  const query = {
    columns: COLUMNS,
    table: 'messages',
    followed: MESSAGES_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'id' } as const,
    ...idRange(filter),
    filter: filter.eventType === undefined ? [] : [['event_type = ?', filter.eventType] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

export async function findMessage(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<MessageWithBody | undefined> {
  const { rows } = await db.query<Row & { body: string | null }>({
    text: `SELECT ${COLUMNS}, body FROM messages WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  const [row] = rows;
  return row === undefined ? undefined : { ...fromRow(row), body: row.body ?? undefined };
}

/**
 * Forgets a message's content, and receivers' answers to it, at once. Deliveries that still wait become dead letters when next due.
 *
 * @returns false when there is no such message
 */
export async function expireMessageContent(db: Queryable, tenantId: PublicId, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `WITH expired AS (
             UPDATE messages SET body = NULL, content_expires_at = NULL WHERE id = $1 AND tenant_id = $2 RETURNING id
           ), forgotten AS (${forgetAnswers('expired')})
           SELECT FROM expired`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rowCount === 1;
}

/**
 * Like {@link expireMessageContent}, for the messages that tell of these events. Indexes: message_keys_pkey, messages_pkey.
 *
 * @returns of how many
 */
export async function forgetEventContents(
  db: Queryable,
  tenantId: PublicId,
  eventType: SystemEventType,
  eventIds: readonly string[],
): Promise<number> {
  const { rows } = await db.query<{ forgotten: number }>({
    text: `WITH expired AS (
             UPDATE messages m SET body = NULL, content_expires_at = NULL FROM message_keys k
             WHERE k.tenant_id = $1 AND k.key = ANY ($2) AND m.id = k.message_id AND m.body IS NOT NULL RETURNING m.id
           ), forgotten AS (${forgetAnswers('expired')})
           SELECT count(*)::int AS forgotten FROM expired`,
    values: [toUuid(tenantId), eventIds.map((eventId) => eventKey(eventType, eventId))],
  });
  return rows[0]?.forgotten ?? 0;
}

/** A time range as a range of time-ordered ids. */
export function idRange(range: TimeRange): { from: string | undefined; before: string | undefined } {
  return {
    from: range.since === undefined ? undefined : uuidFloor(range.since.getTime()),
    before: range.until === undefined ? undefined : uuidFloor(range.until.getTime()),
  };
}

function fromRow(row: Row): MessageSummary {
  return {
    id: fromUuid('msg', row.id),
    eventType: row.event_type,
    eventId: row.event_id ?? undefined,
    channels: row.channels,
    createdAt: row.created_at,
    contentExpiresAt: row.content_expires_at ?? undefined,
    contentExpired: row.content_expired,
  };
}
