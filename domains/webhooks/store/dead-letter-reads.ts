import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { DEAD_LETTERS_LIST } from '../../../infra/postgres/followed-lists';
import {
  type Condition,
  emptyPage,
  mapPage,
  type Page,
  type PageRequest,
  readPage,
} from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { ownsEndpoint } from './endpoints';
import { idRange, type TimeRange } from './message-reads';

export const DEAD_LETTER_STATES = ['open', 'retried', 'discarded'] as const;
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number];

export interface DeadLetter {
  id: PublicId;
  deliveryId: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  eventType: string;
  reason: string;
  lastStatus: number | undefined;
  lastError: string | undefined;
  attempts: number;
  state: DeadLetterState;
  createdAt: Date;
  resolvedAt: Date | undefined;
}

export interface DeadLetterFilter extends TimeRange {
  state?: DeadLetterState | undefined;
  endpointId?: PublicId | undefined;
  eventType?: string | undefined;
  reason?: string | undefined;
}

interface Row {
  id: string;
  delivery_id: string;
  message_id: string;
  endpoint_id: string;
  event_type: string;
  reason: string;
  last_status: number | null;
  last_error: string | null;
  attempts: number;
  state: DeadLetterState;
  created_at: Date;
  resolved_at: Date | null;
}

const COLUMNS = `id, delivery_id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, state,
  created_at, resolved_at`;

/**
 * Index: dead_letters_by_endpoint (endpoint_id, place) for one endpoint, else dead_letters_by_tenant (tenant_id, place).
 * Times are ranges of the place; the rest is checked row by row within the scan budget.
 */
export async function listDeadLetters(
  db: Queryable,
  tenantId: PublicId,
  filter: DeadLetterFilter,
  request: PageRequest,
): Promise<Page<DeadLetter>> {
  const { endpointId } = filter;
  // The endpoint's index does not know tenants: another tenant's endpoint must not even be scanned.
  if (endpointId !== undefined && !(await ownsEndpoint(db, tenantId, endpointId))) return emptyPage();
  const tenant = toUuid(tenantId);
  const conditions: Condition[] = [];
  if (filter.state !== undefined) conditions.push(['state = ?', filter.state]);
  if (filter.eventType !== undefined) conditions.push(['event_type = ?', filter.eventType]);
  if (filter.reason !== undefined) conditions.push(['reason = ?', filter.reason]);
  const prefix: readonly [string, string] =
    endpointId === undefined ? ['tenant_id', tenant] : ['endpoint_id', toUuid(endpointId)];
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'dead_letters',
    followed: DEAD_LETTERS_LIST,
    index: { prefix, key: 'place' },
    ...idRange(filter),
    fixed: endpointId === undefined ? [] : [['tenant_id = ?', tenant] as const],
    filter: conditions,
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

export async function findDeadLetter(db: Queryable, tenantId: PublicId, id: PublicId): Promise<DeadLetter | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM dead_letters WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: Row): DeadLetter {
  return {
    id: fromUuid('dl', row.id),
    deliveryId: fromUuid('dlv', row.delivery_id),
    messageId: fromUuid('msg', row.message_id),
    endpointId: fromUuid('ep', row.endpoint_id),
    eventType: row.event_type,
    reason: row.reason,
    lastStatus: row.last_status ?? undefined,
    lastError: row.last_error ?? undefined,
    attempts: row.attempts,
    state: row.state,
    createdAt: row.created_at,
    resolvedAt: row.resolved_at ?? undefined,
  };
}
