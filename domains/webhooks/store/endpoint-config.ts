import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type CircuitSettings, DEFAULT_CIRCUIT } from '../rules/circuit';
import { type HeadOfLine, type Ordering, scheduleInOrder } from '../rules/ordering';
import { IS_HELD } from './circuit-state';

/** What an attempt needs to know about an endpoint. Secrets and headers are still encrypted. */
export interface StoredEndpointConfig {
  id: PublicId;
  version: number;
  url: string;
  timeoutMs: number;
  retryDelaysMs: number[];
  rateLimit: { limit: number; periodMs: number } | undefined;
  headersEncrypted: Buffer | undefined;
  circuit: CircuitSettings;
  /** Where deliveries go while the circuit is open; undefined to hold them. */
  fallbackUrl: string | undefined;
  /** Newest first, each with the time when it stops signing, if it does. */
  secrets: { id: PublicId; encrypted: Buffer; expiresAt: Date | undefined }[];
}

/**
 * Reads endpoints' configurations with their live secrets.
 *
 * @returns one result per endpoint, in the same order; undefined where there is no such endpoint, or no live secret
 */
export async function readEndpointConfigs(
  db: Queryable,
  ids: readonly PublicId[],
): Promise<(StoredEndpointConfig | undefined)[]> {
  const { rows } = await db.query<Row>({
    name: 'read-endpoint-configs',
    text: `SELECT e.id, e.version, e.url, e.timeout_ms, e.retry_delays_ms, e.rate_limit, e.rate_period_ms,
                  e.headers_encrypted, e.circuit_settings, e.fallback_url, e.ordering, e.head_policy, e.head_attempts,
                  array_agg(s.id::text ORDER BY s.id DESC) AS secret_ids,
                  array_agg(s.secret_encrypted ORDER BY s.id DESC) AS secrets,
                  array_agg(s.expires_at ORDER BY s.id DESC) AS expiries
           FROM endpoints e
           JOIN endpoint_secrets s ON s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())
           WHERE e.id = ANY ($1::uuid[])
           GROUP BY e.id`,
    values: [ids.map(toUuid)],
  });
  const byId = new Map(rows.map((row) => [fromUuid('ep', row.id), row]));
  return ids.map((id) => fromRow(id, byId.get(id)));
}

/** What becomes of deliveries behind one that fails, as an endpoint's row says it. */
export function headOfLineOf(row: { head_policy: HeadOfLine['policy']; head_attempts: number | null }): HeadOfLine {
  const { head_policy: policy, head_attempts: attempts } = row;
  return policy === 'block' || attempts === null ? { policy: 'block' } : { policy, attempts };
}

interface Row {
  id: string;
  version: number;
  url: string;
  timeout_ms: number;
  retry_delays_ms: number[];
  rate_limit: number | null;
  rate_period_ms: number;
  headers_encrypted: Buffer | null;
  circuit_settings: CircuitSettings | null;
  fallback_url: string | null;
  ordering: Ordering;
  head_policy: HeadOfLine['policy'];
  head_attempts: number | null;
  secret_ids: string[];
  secrets: Buffer[];
  expiries: (Date | null)[];
}

function fromRow(id: PublicId, row: Row | undefined): StoredEndpointConfig | undefined {
  if (row === undefined) return undefined;
  return {
    id,
    version: row.version,
    url: row.url,
    timeoutMs: row.timeout_ms,
    retryDelaysMs: scheduleInOrder(row.retry_delays_ms, row.ordering, headOfLineOf(row)),
    rateLimit: row.rate_limit === null ? undefined : { limit: row.rate_limit, periodMs: row.rate_period_ms },
    headersEncrypted: row.headers_encrypted ?? undefined,
    circuit: { ...DEFAULT_CIRCUIT, ...row.circuit_settings },
    fallbackUrl: row.fallback_url ?? undefined,
    secrets: row.secret_ids.flatMap((secretId, index) => {
      const encrypted = row.secrets[index];
      if (encrypted === undefined) return [];
      return [{ id: fromUuid('sec', secretId), encrypted, expiresAt: row.expiries[index] ?? undefined }];
    }),
  };
}

/**
 * Whether messages may be sent to endpoints, and at which version they are.
 *
 * @returns one result per endpoint, in the same order; undefined for one that does not exist
 */
export async function findEndpointState(
  db: Queryable,
  ids: readonly PublicId[],
): Promise<({ version: number; sendable: boolean } | undefined)[]> {
  const { rows } = await db.query<{ id: string; version: number; sendable: boolean }>({
    name: 'find-endpoint-state',
    text: `SELECT id, version, NOT (${IS_HELD}) AND state = 'enabled' AND deleted_at IS NULL AS sendable
           FROM endpoints e WHERE id = ANY ($1::uuid[])`,
    values: [[...new Set(ids)].map(toUuid)],
  });
  const byId = new Map(rows.map(({ id, ...state }) => [fromUuid('ep', id), state]));
  return ids.map((id) => byId.get(id));
}
