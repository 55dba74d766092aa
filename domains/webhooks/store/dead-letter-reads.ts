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
import { fresh, recoverable } from './recoverable';

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
  /** Why it was discarded, and the API key that did it. */
  resolvedReason: string | undefined;
  resolvedBy: string | undefined;
  /** How often its delivery was taken from the dead letters without anybody asking for it. */
  recoveries: number;
  /** From when on it recovers with its endpoint; undefined when it waits for a person. */
  recoversFrom: Date | undefined;
}

/** Classes of the last answer's status; `none`: there was no answer. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

export interface DeadLetterFilter extends TimeRange {
  /** `resolved`: retried or discarded. */
  state?: DeadLetterState | 'resolved' | undefined;
  endpointId?: PublicId | undefined;
  eventType?: string | undefined;
  reason?: string | undefined;
  statusClass?: StatusClass | undefined;
}

/** The statuses of a class, the last excluded; undefined for no status. */
export function statusesOf(statusClass: StatusClass): readonly [number, number] | undefined {
  const hundreds = Number(statusClass[0]);
  return statusClass === 'none' ? undefined : [hundreds * 100, (hundreds + 1) * 100];
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
  resolved_reason: string | null;
  resolved_by: string | null;
  recoveries: number;
  recovers_from: Date | null;
}

const COLUMNS = `id, delivery_id, message_id, endpoint_id, event_type, reason, last_status, last_error, attempts, state,
  created_at, resolved_at, resolved_reason, resolved_by, recoveries,
  CASE WHEN ${recoverable('dead_letters')} AND ${fresh('dead_letters')} THEN recover_at END AS recovers_from`;

/**
 * Index: dead_letters_by_endpoint (endpoint_id, place) for one endpoint, else dead_letters_by_tenant (tenant_id, place); for
 * open ones dead_letters_open_by_endpoint and dead_letters_open_by_tenant, which hold no others. Times are ranges of the
 * place; the rest is checked row by row within the scan budget.
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
  if (filter.state === 'resolved') conditions.push(["state <> 'open'"]);
  else if (filter.state !== undefined && filter.state !== 'open') conditions.push(['state = ?', filter.state]);
  if (filter.eventType !== undefined) conditions.push(['event_type = ?', filter.eventType]);
  if (filter.reason !== undefined) conditions.push(['reason = ?', filter.reason]);
  if (filter.statusClass !== undefined) conditions.push(ofClass(filter.statusClass));
  const prefix: readonly [string, string] =
    endpointId === undefined ? ['tenant_id', tenant] : ['endpoint_id', toUuid(endpointId)];
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'dead_letters',
    followed: DEAD_LETTERS_LIST,
    index: { prefix, key: 'place', ...(filter.state === 'open' ? { where: "state = 'open'" } : {}) },
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

function ofClass(statusClass: StatusClass): Condition {
  const statuses = statusesOf(statusClass);
  return statuses === undefined ? ['last_status IS NULL'] : ['last_status >= ? AND last_status < ?', ...statuses];
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
    resolvedReason: row.resolved_reason ?? undefined,
    resolvedBy: row.resolved_by ?? undefined,
    recoveries: row.recoveries,
    recoversFrom: row.recovers_from ?? undefined,
  };
}
