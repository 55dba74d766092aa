import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { listEndpointSecrets } from '../store/endpoint-secrets';
import { findEndpoint } from '../store/endpoints';
import { openSecret } from './sealing';

/** The secrets that an endpoint's messages are signed with now. */
export interface LiveSecrets {
  secret: string;
  createdAt: Date;
  /** Older ones that still sign, newest first. */
  previous: { secret: string; expiresAt: Date }[];
}

/** Shows the secrets of a tenant's endpoint. @throws WebhookRefusal when there is no such endpoint */
export async function showSecrets(
  { pool, keyring }: { pool: Pool; keyring: Keyring },
  tenantId: PublicId,
  endpointId: PublicId,
): Promise<LiveSecrets> {
  if ((await findEndpoint(pool, tenantId, endpointId)) === undefined) throw new WebhookRefusal('no-such-endpoint');
  return readLiveSecrets(pool, keyring, endpointId);
}

/** The secrets of an endpoint that the caller has found. */
export async function readLiveSecrets(db: Queryable, keyring: Keyring, endpointId: PublicId): Promise<LiveSecrets> {
  const [current, ...older] = await listEndpointSecrets(db, endpointId);
  if (current === undefined) throw new Error(`endpoint ${endpointId} has no secret`);
  return {
    secret: openSecret(keyring, current),
    createdAt: current.createdAt,
    previous: older.flatMap((old) =>
      old.expiresAt === undefined ? [] : [{ secret: openSecret(keyring, old), expiresAt: old.expiresAt }],
    ),
  };
}
