import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type InboundSource, SOURCE_COLUMNS, type SourceRow, sourceFromRow } from './sources';

/** A secret that a source signs with, encrypted for the place {@link inboundSecretPlace}. */
export interface InboundSecret {
  id: PublicId;
  encrypted: Buffer;
  createdAt: Date;
  /** From then on it verifies nothing; absent for one that does so until it is removed. */
  expiresAt: Date | undefined;
}

interface Row {
  id: string;
  secret_encrypted: Buffer;
  created_at: Date;
  expires_at: Date | null;
}

const COLUMNS = 'id, secret_encrypted, created_at, expires_at';

/** The place that an encrypted secret is bound to. */
export function inboundSecretPlace(secretId: PublicId): string {
  return `inbound_secrets/${toUuid(secretId)}`;
}

export async function insertInboundSecret(
  db: Queryable,
  sourceId: PublicId,
  secret: { id: PublicId; encrypted: Buffer },
): Promise<void> {
  await db.query({
    text: 'INSERT INTO inbound_secrets (id, source_id, secret_encrypted) VALUES ($1, $2, $3)',
    values: [toUuid(secret.id), toUuid(sourceId), secret.encrypted],
  });
}

/** The secrets that verify now, the newest first. Index: inbound_secrets_by_source. */
export async function listInboundSecrets(db: Queryable, sourceId: PublicId): Promise<InboundSecret[]> {
  const { rows } = await db.query<Row>({
    name: 'list-inbound-secrets',
    text: `SELECT ${COLUMNS} FROM inbound_secrets
           WHERE source_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC`,
    values: [toUuid(sourceId)],
  });
  return rows.map(fromRow);
}

/** Lets the secrets that there are verify for at most so much longer, and deletes those that have expired. */
export async function retireInboundSecrets(db: Queryable, sourceId: PublicId, overlapMs: number): Promise<void> {
  await db.query({
    text: `UPDATE inbound_secrets SET expires_at = least(expires_at, now() + $2 * interval '1 millisecond')
           WHERE source_id = $1`,
    values: [toUuid(sourceId), overlapMs],
  });
  await db.query({
    text: 'DELETE FROM inbound_secrets WHERE source_id = $1 AND expires_at <= now()',
    values: [toUuid(sourceId)],
  });
}

/** @returns false when the source has no such secret */
export async function deleteInboundSecret(db: Queryable, sourceId: PublicId, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'DELETE FROM inbound_secrets WHERE source_id = $1 AND id = $2',
    values: [toUuid(sourceId), toUuid(id)],
  });
  return rowCount === 1;
}

/** A source that takes events now, whoever's it is, and its secrets. */
export interface OpenSource {
  source: InboundSource;
  secrets: InboundSecret[];
}

/** Reads a source with its secrets in one statement, so that they belong to its revision. Index: inbound_sources_pkey. */
export async function readOpenSource(db: Queryable, id: PublicId): Promise<OpenSource | undefined> {
  const { rows } = await db.query<
    SourceRow & { present: boolean; secrets: (Omit<Row, 'secret_encrypted'> & { sealed: string })[] }
  >({
    name: 'read-open-source',
    text: `SELECT ${SOURCE_COLUMNS}, deleted_at IS NULL AS present, ARRAY(
             SELECT json_build_object('id', k.id, 'sealed', encode(k.secret_encrypted, 'base64'),
                                      'created_at', k.created_at, 'expires_at', k.expires_at)
             FROM inbound_secrets k
             WHERE k.source_id = inbound_sources.id AND (k.expires_at IS NULL OR k.expires_at > now())) AS secrets
           FROM inbound_sources WHERE id = $1`,
    values: [toUuid(id)],
  });
  const [row] = rows;
  if (row === undefined || !row.present || !row.enabled) return undefined;
  const secrets = row.secrets.map(({ sealed, created_at, expires_at, ...secret }) =>
    fromRow({
      ...secret,
      secret_encrypted: Buffer.from(sealed, 'base64'),
      created_at: new Date(created_at),
      expires_at: expires_at === null ? null : new Date(expires_at),
    }),
  );
  return { source: sourceFromRow(row), secrets };
}

function fromRow(row: Row): InboundSecret {
  return {
    id: fromUuid('ins', row.id),
    encrypted: row.secret_encrypted,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
  };
}
