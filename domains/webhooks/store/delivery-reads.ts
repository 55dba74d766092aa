import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { MESSAGES_LIST } from '../../../infra/postgres/followed-lists';
import {
  type Condition,
  emptyPage,
  type KeysetQuery,
  mapPage,
  type Page,
  type PageRequest,
  readPage,
} from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Lane } from '../rules/lane';
import { ownsEndpoint } from './endpoints';
import { laneNamed } from './lanes';
import { idRange, type TimeRange } from './message-reads';
import { IN_FLIGHT } from './open-state';
import { LIMITED_UNTIL } from './rate-limits';
import { findReplay } from './replays';

export const DELIVERY_STATES = ['pending', 'delivered', 'retrying', 'held', 'dead', 'cancelled', 'suppressed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface Delivery {
  id: PublicId;
  messageId: PublicId;
  endpointId: PublicId;
  eventType: string;
  state: DeliveryState;
  lane: Lane;
  attempts: number;
  /** Whether an attempt is under way. */
  attempting: boolean;
  /** Whether it waits until those before it at its endpoint are settled. */
  waitsForTurn: boolean;
  /** Absent while an attempt is under way, while it is held, and when no more will follow. */
  nextAttemptAt: Date | undefined;
  /** Until when the rate limit of its endpoint is used up, while it waits for that. */
  limitedUntil: Date | undefined;
  lastStatus: number | undefined;
  lastError: string | undefined;
  workflowId: string;
  /** The replay that was the last to reopen it. */
  replayId: PublicId | undefined;
  createdAt: Date;
  updatedAt: Date;
}

export interface Attempt {
  id: PublicId;
  deliveryId: PublicId;
  number: number;
  trigger: string;
  startedAt: Date;
  durationMs: number;
  outcome: 'succeeded' | 'failed';
  status: number | undefined;
  error: string | undefined;
  errorDetail: string | undefined;
  responseBody: string | undefined;
  /** Whether it was made at the endpoint's fallback URL. */
  fallback: boolean;
}

export interface DeliveryFilter extends TimeRange {
  state?: DeliveryState | undefined;
  endpointId?: PublicId | undefined;
  eventType?: string | undefined;
  messageId?: PublicId | undefined;
  /** The replay that was the last to reopen it. */
  replayId?: PublicId | undefined;
}

interface DeliveryRow {
  id: string;
  message_id: string;
  endpoint_id: string;
  event_type: string;
  state: DeliveryState;
  lane: number;
  attempts: number;
  attempting: boolean;
  waits_for_turn: boolean;
  next_attempt_at: Date | null;
  limited_until: Date | null;
  last_status: number | null;
  last_error: string | null;
  workflow_id: string;
  replay_id: string | null;
  created_at: Date;
  updated_at: Date;
}

interface AttemptRow {
  id: string;
  delivery_id: string;
  number: number;
  trigger: string;
  started_at: Date;
  duration_ms: number;
  outcome: 'succeeded' | 'failed';
  status: number | null;
  error: string | null;
  error_detail: string | null;
  response_body: string | null;
  fallback: boolean;
}

const DELIVERY_COLUMNS = `id, message_id, endpoint_id, event_type, state, lane, attempts, last_status, last_error, workflow_id,
  replay_id, created_at, updated_at, coalesce(${IN_FLIGHT}, false) AS attempting,
  state IN ('pending', 'retrying') AND next_attempt_at IS NULL AS waits_for_turn,
  CASE WHEN state IN ('pending', 'retrying') AND NOT coalesce(${IN_FLIGHT}, false) THEN next_attempt_at END
    AS next_attempt_at, ${LIMITED_UNTIL} AS limited_until`;
const ATTEMPT_COLUMNS =
  'id, delivery_id, number, trigger, started_at, duration_ms, outcome, status, error, error_detail, response_body, fallback';

/**
 * Index: deliveries_pkey for one message (its deliveries are a range of it), deliveries_by_endpoint (endpoint_id, id) for
 * one endpoint, deliveries_of_replay (replay_id, id) for one replay, else deliveries_by_tenant (tenant_id, id). Times are
 * ranges of the id; what else is asked for is checked row by row within the scan budget.
 */
export async function listDeliveries(
  db: Queryable,
  tenantId: PublicId,
  filter: DeliveryFilter,
  request: PageRequest,
): Promise<Page<Delivery>> {
  const { endpointId, messageId, replayId } = filter;
  // Their indexes do not know tenants: what is another tenant's must not even be scanned.
  if (endpointId !== undefined && !(await ownsEndpoint(db, tenantId, endpointId))) return emptyPage();
  if (replayId !== undefined && (await findReplay(db, tenantId, replayId)) === undefined) return emptyPage();
  const narrower = messageId ?? replayId;
  const conditions: Condition[] = [];
  if (endpointId !== undefined && narrower !== undefined) conditions.push(['endpoint_id = ?', toUuid(endpointId)]);
  if (replayId !== undefined && messageId !== undefined) conditions.push(['replay_id = ?', toUuid(replayId)]);
  if (filter.state !== undefined) conditions.push(['state = ?', filter.state]);
  if (filter.eventType !== undefined) conditions.push(['event_type = ?', filter.eventType]);
  const query = {
    columns: DELIVERY_COLUMNS,
    table: 'deliveries',
    followed: MESSAGES_LIST,
    ...(messageId === undefined ? inTime(tenantId, filter) : ofMessage(tenantId, messageId, filter)),
    filter: conditions,
  };
  return mapPage(await readPage<DeliveryRow>(db, query, request), fromDeliveryRow);
}

export async function findDelivery(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Delivery | undefined> {
  const { rows } = await db.query<DeliveryRow>({
    text: `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromDeliveryRow(rows[0]);
}

/** The attempts of a delivery that the caller has found. Index: attempts_pkey (delivery_id, id). */
export async function listAttempts(db: Queryable, deliveryId: PublicId, request: PageRequest): Promise<Page<Attempt>> {
  const query = {
    columns: ATTEMPT_COLUMNS,
    table: 'attempts',
    index: { prefix: ['delivery_id', toUuid(deliveryId)], key: 'id' } as const,
  };
  return mapPage(await readPage<AttemptRow>(db, query, request), fromAttemptRow);
}

/** An attempt of a delivery that the caller has found. */
export async function findAttempt(
  db: Queryable,
  deliveryId: PublicId,
  attemptId: PublicId,
): Promise<Attempt | undefined> {
  const { rows } = await db.query<AttemptRow>({
    text: `SELECT ${ATTEMPT_COLUMNS} FROM attempts WHERE delivery_id = $1 AND id = $2`,
    values: [toUuid(deliveryId), toUuid(attemptId)],
  });
  return rows[0] === undefined ? undefined : fromAttemptRow(rows[0]);
}

type Range = Pick<KeysetQuery, 'index' | 'from' | 'before' | 'fixed'>;

/** The deliveries of a tenant, or of one of its replays or endpoints. */
function inTime(tenantId: PublicId, filter: DeliveryFilter): Range {
  const { endpointId, replayId } = filter;
  const tenant = toUuid(tenantId);
  const range = idRange(filter);
  const fixed: Condition[] = [['tenant_id = ?', tenant]];
  if (replayId !== undefined) {
    const prefix = ['replay_id', toUuid(replayId)] as const;
    return { index: { prefix, key: 'id', where: 'replay_id IS NOT NULL' }, ...range, fixed };
  }
  if (endpointId === undefined) return { index: { prefix: ['tenant_id', tenant], key: 'id' }, ...range };
  return { index: { prefix: ['endpoint_id', toUuid(endpointId)], key: 'id' }, ...range, fixed };
}

/** The deliveries of a message: their ids begin as the message's does. */
function ofMessage(tenantId: PublicId, messageId: PublicId, range: TimeRange): Range {
  const message = toUuid(messageId);
  const first = `${message.slice(0, 16)}${'0'.repeat(16)}`;
  const end = `${(BigInt(`0x${message.slice(0, 16)}`) + 1n).toString(16).padStart(16, '0')}${'0'.repeat(16)}`;
  const { from = first, before = end } = idRange(range);
  return {
    index: { key: 'id' },
    from: from > first ? from : first,
    before: before < end ? before : end,
    fixed: [
      ['message_id = ?', message],
      ['tenant_id = ?', toUuid(tenantId)],
    ],
  };
}

function fromDeliveryRow(row: DeliveryRow): Delivery {
  return {
    id: fromUuid('dlv', row.id),
    messageId: fromUuid('msg', row.message_id),
    endpointId: fromUuid('ep', row.endpoint_id),
    eventType: row.event_type,
    state: row.state,
    lane: laneNamed(row.lane),
    attempts: row.attempts,
    attempting: row.attempting,
    waitsForTurn: row.waits_for_turn,
    nextAttemptAt: row.next_attempt_at ?? undefined,
    limitedUntil: row.limited_until ?? undefined,
    lastStatus: row.last_status ?? undefined,
    lastError: row.last_error ?? undefined,
    workflowId: row.workflow_id,
    replayId: row.replay_id === null ? undefined : fromUuid('rpl', row.replay_id),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function fromAttemptRow(row: AttemptRow): Attempt {
  return {
    id: fromUuid('att', row.id),
    deliveryId: fromUuid('dlv', row.delivery_id),
    number: row.number,
    trigger: row.trigger,
    startedAt: row.started_at,
    durationMs: row.duration_ms,
    outcome: row.outcome,
    status: row.status ?? undefined,
    error: row.error ?? undefined,
    errorDetail: row.error_detail ?? undefined,
    responseBody: row.response_body ?? undefined,
    fallback: row.fallback,
  };
}
