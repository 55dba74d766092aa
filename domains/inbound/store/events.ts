import { fromUuid, type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import { type Condition, mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { InboundState } from '../rules/states';

/** A verified event without its content. */
export interface InboundEvent {
  id: PublicId;
  tenantId: PublicId;
  sourceId: PublicId;
  externalId: string | undefined;
  state: InboundState;
  attempts: number;
  lastError: string | undefined;
  nextAttemptAt: Date | undefined;
  workflowId: string;
  messageId: PublicId | undefined;
  bodySize: number;
  contentExpired: boolean;
  receivedAt: Date;
  processedAt: Date | undefined;
}

/** An event with its content; the body is absent once it is forgotten. */
export interface InboundEventWithBody extends InboundEvent {
  headers: Record<string, string>;
  body: Buffer | undefined;
}

export interface EventFilter {
  sourceId?: PublicId | undefined;
  state?: InboundState | undefined;
  externalId?: string | undefined;
  /** Inclusive. */
  since?: Date | undefined;
  /** Exclusive. */
  until?: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  source_id: string;
  external_id: string | null;
  state: InboundState;
  attempts: number;
  last_error: string | null;
  next_attempt_at: Date | null;
  workflow_id: string;
  message_id: string | null;
  body_size: number;
  content_expired: boolean;
  created_at: Date;
  processed_at: Date | null;
}

const COLUMNS = `id, tenant_id, source_id, external_id, state, attempts, last_error, next_attempt_at, workflow_id,
  message_id, body_size, body IS NULL AS content_expired, created_at, processed_at`;

/** Index: inbound_events_by_tenant; filters are checked row by row within the scan budget. */
export async function listEvents(
  db: Queryable,
  tenantId: PublicId,
  filter: EventFilter,
  request: PageRequest,
): Promise<Page<InboundEvent>> {
  const { sourceId, state, externalId, since, until } = filter;
  const conditions: (Condition | undefined)[] = [
    sourceId === undefined ? undefined : ['source_id = ?', toUuid(sourceId)],
    state === undefined ? undefined : ['state = ?', state],
    externalId === undefined ? undefined : ['external_id = ?', externalId],
  ];
  const query = {
    columns: COLUMNS,
    table: 'inbound_events',
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'id' } as const,
    from: since === undefined ? undefined : uuidFloor(since.getTime()),
    before: until === undefined ? undefined : uuidFloor(until.getTime()),
    filter: conditions.filter((condition) => condition !== undefined),
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

export async function findEvent(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<InboundEventWithBody | undefined> {
  const { rows } = await db.query<Row & { headers: Record<string, string>; body: Buffer | null }>({
    text: `SELECT ${COLUMNS}, headers, body FROM inbound_events WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  const [row] = rows;
  return row === undefined ? undefined : { ...fromRow(row), headers: row.headers, body: row.body ?? undefined };
}

function fromRow(row: Row): InboundEvent {
  return {
    id: fromUuid('inb', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    sourceId: fromUuid('src', row.source_id),
    externalId: row.external_id ?? undefined,
    state: row.state,
    attempts: row.attempts,
    lastError: row.last_error ?? undefined,
    nextAttemptAt: row.state === 'pending' ? (row.next_attempt_at ?? undefined) : undefined,
    workflowId: row.workflow_id,
    messageId: row.message_id === null ? undefined : fromUuid('msg', row.message_id),
    bodySize: row.body_size,
    contentExpired: row.content_expired,
    receivedAt: row.created_at,
    processedAt: row.processed_at ?? undefined,
  };
}
