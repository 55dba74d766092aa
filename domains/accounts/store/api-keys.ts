import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';

/** An API key without its secret. */
export interface ApiKey {
  id: PublicId;
  tenantId: PublicId;
  name: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date | undefined;
  revokedAt: Date | undefined;
}

export interface NewApiKey {
  id: PublicId;
  tenantId: PublicId;
  name: string;
  /** SHA-256 of the secret part. */
  secretHash: Buffer;
  scopes: readonly string[];
  expiresAt: Date | undefined;
}

/** What a request's key is checked against. */
export interface ApiKeyCredentials {
  tenantId: PublicId;
  secretHash: Buffer;
  scopes: string[];
  expiresAt: Date | undefined;
  revokedAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  name: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

const COLUMNS = 'id, tenant_id, name, scopes, created_at, expires_at, revoked_at';

/** Looks up a key by the id inside it. Runs up to once a second for every key in use. */
export async function findCredentials(db: Queryable, id: PublicId): Promise<ApiKeyCredentials | undefined> {
  const { rows } = await db.query<Row & { secret_hash: Buffer }>({
    name: 'find-credentials',
    text: 'SELECT tenant_id, secret_hash, scopes, expires_at, revoked_at FROM api_keys WHERE id = $1',
    values: [toUuid(id)],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    tenantId: fromUuid('ten', row.tenant_id),
    secretHash: row.secret_hash,
    scopes: row.scopes,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}

/** Stores a key. @returns `undefined` when one with its id exists */
export async function insertApiKey(db: Queryable, key: NewApiKey): Promise<ApiKey | undefined> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO api_keys (id, tenant_id, name, secret_hash, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(key.id), toUuid(key.tenantId), key.name, key.secretHash, key.scopes, key.expiresAt],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Replaces a key's secret; the old one ends at once. @returns `undefined` when there is no such key */
export async function replaceApiKeySecret(
  db: Queryable,
  { tenantId, id, secretHash }: Pick<NewApiKey, 'tenantId' | 'id' | 'secretHash'>,
): Promise<ApiKey | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE api_keys SET secret_hash = $3 WHERE id = $1 AND tenant_id = $2 RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), secretHash],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

export async function findApiKey(db: Queryable, tenantId: PublicId, id: PublicId): Promise<ApiKey | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM api_keys WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: api_keys_by_tenant. */
export async function listApiKeys(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<ApiKey>> {
  const index = { prefix: ['tenant_id', toUuid(tenantId)], key: 'id' } as const;
  const page = await readPage<Row>(db, { columns: COLUMNS, table: 'api_keys', index }, request);
  return mapPage(page, fromRow);
}

/** Marks a key as revoked; one already revoked keeps its time. */
export async function markApiKeyRevoked(db: Queryable, tenantId: PublicId, id: PublicId): Promise<void> {
  await db.query({
    text: 'UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND tenant_id = $2 AND revoked_at IS NULL',
    values: [toUuid(id), toUuid(tenantId)],
  });
}

/**
 * Ends a live key after `overlapMs`, or at its own expiry if that is sooner.
 *
 * @returns false when the key is revoked, expired or does not exist
 */
export async function endApiKeyAfter(
  db: Queryable,
  { tenantId, id, overlapMs }: { tenantId: PublicId; id: PublicId; overlapMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE api_keys SET expires_at = least(expires_at, now() + $3 * interval '1 millisecond')
           WHERE id = $1 AND tenant_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    values: [toUuid(id), toUuid(tenantId), overlapMs],
  });
  return rowCount === 1;
}

/** Locks until the transaction ends, so that processes that start together create one administrator's key. */
export async function lockApiKeys(db: Queryable): Promise<void> {
  await db.query({ text: `SELECT pg_advisory_xact_lock(hashtext('waybill api keys'))` });
}

function fromRow(row: Row): ApiKey {
  return {
    id: fromUuid('key', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}
