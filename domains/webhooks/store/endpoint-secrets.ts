import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** A signing secret of an endpoint, encrypted for the place {@link secretPlace}. */
export interface EndpointSecret {
  id: PublicId;
  encrypted: Buffer;
  createdAt: Date;
  /** When it stops signing; absent for the current secret. */
  expiresAt: Date | undefined;
}

/** The place that an encrypted signing secret is bound to. */
export function secretPlace(secretId: PublicId): string {
  return `endpoint_secrets/${toUuid(secretId)}`;
}

export async function insertEndpointSecret(
  db: Queryable,
  endpointId: PublicId,
  secret: { id: PublicId; encrypted: Buffer },
): Promise<void> {
  await db.query({
    text: 'INSERT INTO endpoint_secrets (id, endpoint_id, secret_encrypted) VALUES ($1, $2, $3)',
    values: [toUuid(secret.id), toUuid(endpointId), secret.encrypted],
  });
}

/** The secrets that sign now, the current one first. Index: endpoint_secrets_by_endpoint. */
export async function listEndpointSecrets(db: Queryable, endpointId: PublicId): Promise<EndpointSecret[]> {
  const { rows } = await db.query<{ id: string; secret_encrypted: Buffer; created_at: Date; expires_at: Date | null }>({
    text: `SELECT id, secret_encrypted, created_at, expires_at FROM endpoint_secrets
           WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now())
           ORDER BY expires_at IS NULL DESC, id DESC`,
    values: [toUuid(endpointId)],
  });
  return rows.map((row) => ({
    id: fromUuid('sec', row.id),
    encrypted: row.secret_encrypted,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
  }));
}

/** Lets existing secrets sign for at most `overlapMs` more, and deletes those that have expired. */
export async function retireEndpointSecrets(db: Queryable, endpointId: PublicId, overlapMs: number): Promise<void> {
  await db.query({
    text: `UPDATE endpoint_secrets SET expires_at = least(expires_at, now() + $2 * interval '1 millisecond')
           WHERE endpoint_id = $1`,
    values: [toUuid(endpointId), overlapMs],
  });
  await db.query({
    text: 'DELETE FROM endpoint_secrets WHERE endpoint_id = $1 AND expires_at <= now()',
    values: [toUuid(endpointId)],
  });
}
