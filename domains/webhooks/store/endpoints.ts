import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { type CircuitSettings, DEFAULT_CIRCUIT } from '../rules/circuit';
import type { HeadOfLine, Ordering } from '../rules/ordering';
import { headOfLineOf } from './endpoint-config';

export const ENDPOINT_STATES = ['enabled', 'paused', 'disabled'] as const;
export type EndpointState = (typeof ENDPOINT_STATES)[number];

/** An endpoint's settings, as its tenant gives them. */
export interface EndpointSettings {
  url: string;
  description: string;
  /** Exact types, `prefix.*` or `*`; empty for all. */
  eventTypes: string[];
  /** Empty for all messages. */
  channels: string[];
  /** A JSON object of custom headers, encrypted for the place {@link headersPlace}. */
  headersEncrypted: Buffer | undefined;
  metadata: Record<string, string>;
  retryDelaysMs: number[];
  timeoutMs: number;
  rateLimit: { limit: number; periodMs: number } | undefined;
  tier: string;
  /** When its circuit opens; undefined for the defaults. */
  circuit: CircuitSettings | undefined;
  /** Where deliveries go while its circuit is open; undefined to hold them. */
  fallbackUrl: string | undefined;
  /** How long a delivery may be held, in milliseconds; undefined for as long as configured. */
  holdForMs: number | undefined;
  /** Whether its deliveries go one at a time, in the order of their commits. */
  ordering: Ordering;
  headOfLine: HeadOfLine;
}

export interface Endpoint extends EndpointSettings {
  id: PublicId;
  tenantId: PublicId;
  state: EndpointState;
  stateReason: string | undefined;
  stateChangedAt: Date;
  version: number;
  /** Grows with every change that an answer shows. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

interface Row {
  id: string;
  tenant_id: string;
  url: string;
  description: string;
  state: EndpointState;
  state_reason: string | null;
  state_changed_at: Date;
  event_types: string[];
  channels: string[];
  headers_encrypted: Buffer | null;
  metadata: Record<string, string>;
  retry_delays_ms: number[];
  timeout_ms: number;
  rate_limit: number | null;
  rate_period_ms: number;
  tier: string;
  circuit_settings: CircuitSettings | null;
  fallback_url: string | null;
  hold_for_ms: string | null;
  ordering: Ordering;
  head_policy: HeadOfLine['policy'];
  head_attempts: number | null;
  version: number;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `id, tenant_id, url, description, state, state_reason, state_changed_at, event_types, channels,
  headers_encrypted, metadata, retry_delays_ms, timeout_ms, rate_limit, rate_period_ms, tier, circuit_settings, fallback_url,
  hold_for_ms, ordering, head_policy, head_attempts, version, revision, created_at, updated_at`;

/** The place that an endpoint's encrypted custom headers are bound to. */
export function headersPlace(endpointId: PublicId): string {
  return `endpoints/${toUuid(endpointId)}/headers`;
}

/** Stores an enabled endpoint with its subscriptions. To be called in a transaction. */
export async function insertEndpoint(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  settings: EndpointSettings,
): Promise<Endpoint> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO endpoints (id, tenant_id, url, description, event_types, channels, headers_encrypted, metadata,
                                  retry_delays_ms, timeout_ms, rate_limit, rate_period_ms, tier, circuit_settings,
                                  fallback_url, hold_for_ms, ordering, head_policy, head_attempts)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, 60000), $13, $14, $15, $16, $17, $18, $19)
           RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), ...columnValues(settings)],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  await subscribe(db, tenantId, id, settings.eventTypes);
  return fromRow(row);
}

export async function findEndpoint(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Endpoint | undefined> {
  return readOne(db, tenantId, id, '');
}

/** Like {@link findEndpoint}, locked until the transaction ends. */
export async function lockEndpoint(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Endpoint | undefined> {
  return readOne(db, tenantId, id, 'FOR UPDATE');
}

/** Index: endpoints_by_tenant. */
export async function listEndpoints(
  db: Queryable,
  tenantId: PublicId,
  filter: { state: EndpointState | undefined },
  request: PageRequest,
): Promise<Page<Endpoint>> {
  const query = {
    columns: COLUMNS,
    table: 'endpoints',
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'id', where: 'deleted_at IS NULL' } as const,
    filter: filter.state === undefined ? [] : [['state = ?', filter.state] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** How {@link updateEndpoint} changes an endpoint. */
export interface UpdateOptions {
  /** Whether a delivery could notice the change; then the version grows. */
  noticeable: boolean;
  /** The revisions that it may have. */
  expected?: ExpectedVersion | undefined;
}

/**
 * Replaces an endpoint's settings and subscriptions. To be called in the transaction that locked it.
 *
 * @returns `undefined` when its revision is none of the expected ones
 */
export async function updateEndpoint(
  db: Queryable,
  endpoint: Endpoint,
  settings: EndpointSettings,
  { noticeable, expected }: UpdateOptions,
): Promise<Endpoint | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE endpoints
           SET url = $2, description = $3, event_types = $4, channels = $5, headers_encrypted = $6, metadata = $7,
               retry_delays_ms = $8, timeout_ms = $9, rate_limit = $10, rate_period_ms = coalesce($11, 60000), tier = $12,
               circuit_settings = $13, fallback_url = $14, hold_for_ms = $15, ordering = $16, head_policy = $17, head_attempts = $18,
               version = version + $19, revision = revision + 1, updated_at = now()
           WHERE id = $1 AND ($20::bigint[] IS NULL OR revision = ANY ($20)) RETURNING ${COLUMNS}`,
    values: [toUuid(endpoint.id), ...columnValues(settings), noticeable ? 1 : 0, versionsToMatch(expected)],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  if (endpoint.state !== 'disabled') await subscribe(db, endpoint.tenantId, endpoint.id, settings.eventTypes);
  return fromRow(row);
}

/**
 * Changes an endpoint's state, with its subscriptions: a disabled endpoint has none, a paused one keeps them.
 * To be called in the transaction that locked it.
 */
export async function changeEndpointState(
  db: Queryable,
  endpoint: Endpoint,
  state: EndpointState,
  reason: string | undefined,
): Promise<Endpoint> {
  const { rows } = await db.query<Row>({
    text: `UPDATE endpoints SET state = $2, state_reason = $3, state_changed_at = now(), updated_at = now(),
                  version = version + 1, revision = revision + 1
           WHERE id = $1 RETURNING ${COLUMNS}`,
    values: [toUuid(endpoint.id), state, reason],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('a locked endpoint is gone');
  if (state === 'disabled') await unsubscribe(db, endpoint.id);
  else await subscribe(db, endpoint.tenantId, endpoint.id, endpoint.eventTypes);
  return fromRow(row);
}

/**
 * Marks an endpoint deleted and ends its subscriptions. Its waiting deliveries are cancelled when next due.
 *
 * @returns false when there is none, or none of an expected revision
 */
export async function markEndpointDeleted(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  expected?: ExpectedVersion,
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `WITH gone AS (
             UPDATE endpoints SET deleted_at = now(), updated_at = now(), version = version + 1
             WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL AND ($3::bigint[] IS NULL OR revision = ANY ($3))
             RETURNING id
           ), unsubscribed AS (
             DELETE FROM endpoint_subscriptions s USING gone WHERE s.endpoint_id = gone.id
           )
           SELECT id FROM gone`,
    values: [toUuid(id), toUuid(tenantId), versionsToMatch(expected)],
  });
  return rowCount === 1;
}

/** Shows caches and deliveries that something other than the settings (a secret) has changed. */
export async function bumpEndpointVersion(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: 'UPDATE endpoints SET version = version + 1, revision = revision + 1, updated_at = now() WHERE id = $1',
    values: [toUuid(id)],
  });
}

/** Whether an endpoint, deleted or not, is this tenant's. */
export async function ownsEndpoint(db: Queryable, tenantId: PublicId, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'SELECT FROM endpoints WHERE id = $1 AND tenant_id = $2',
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rowCount === 1;
}

async function readOne(db: Queryable, tenantId: PublicId, id: PublicId, lock: string): Promise<Endpoint | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM endpoints WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL ${lock}`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

async function subscribe(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  eventTypes: readonly string[],
): Promise<void> {
  const patterns = eventTypes.length === 0 || eventTypes.includes('*') ? ['*'] : eventTypes;
  await db.query({
    text: `WITH ended AS (DELETE FROM endpoint_subscriptions WHERE endpoint_id = $2 AND pattern <> ALL ($3::text[]))
           INSERT INTO endpoint_subscriptions (tenant_id, pattern, endpoint_id)
           SELECT $1, unnest($3::text[]), $2 ON CONFLICT DO NOTHING`,
    values: [toUuid(tenantId), toUuid(id), patterns],
  });
}

async function unsubscribe(db: Queryable, id: PublicId): Promise<void> {
  await db.query({ text: 'DELETE FROM endpoint_subscriptions WHERE endpoint_id = $1', values: [toUuid(id)] });
}

function columnValues(settings: EndpointSettings): unknown[] {
  return [
    settings.url,
    settings.description,
    settings.eventTypes,
    settings.channels,
    settings.headersEncrypted,
    JSON.stringify(settings.metadata),
    settings.retryDelaysMs,
    settings.timeoutMs,
    settings.rateLimit?.limit,
    settings.rateLimit?.periodMs,
    settings.tier,
    settings.circuit === undefined ? null : JSON.stringify(settings.circuit),
    settings.fallbackUrl,
    settings.holdForMs,
    settings.ordering,
    settings.headOfLine.policy,
    settings.headOfLine.policy === 'block' ? null : settings.headOfLine.attempts,
  ];
}

function fromRow(row: Row): Endpoint {
  return {
    id: fromUuid('ep', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    url: row.url,
    description: row.description,
    state: row.state,
    stateReason: row.state_reason ?? undefined,
    stateChangedAt: row.state_changed_at,
    eventTypes: row.event_types,
    channels: row.channels,
    headersEncrypted: row.headers_encrypted ?? undefined,
    metadata: row.metadata,
    retryDelaysMs: row.retry_delays_ms,
    timeoutMs: row.timeout_ms,
    rateLimit: row.rate_limit === null ? undefined : { limit: row.rate_limit, periodMs: row.rate_period_ms },
    tier: row.tier,
    circuit: row.circuit_settings === null ? undefined : { ...DEFAULT_CIRCUIT, ...row.circuit_settings },
    fallbackUrl: row.fallback_url ?? undefined,
    holdForMs: row.hold_for_ms === null ? undefined : Number(row.hold_for_ms),
    ordering: row.ordering,
    headOfLine: headOfLineOf(row),
    version: row.version,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
