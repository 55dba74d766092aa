import type { Pool } from 'pg';
import { asId, type PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Effect } from '../../../infra/postgres/effect';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { newSecret } from '../rules/signature';
import { insertEndpointSecret, listEndpointSecrets, retireEndpointSecrets } from '../store/endpoint-secrets';
import { bumpEndpointVersion } from '../store/endpoints';
import { type LiveSecrets, readLiveSecrets } from './live-secrets';
import { openSecret, sealSecret } from './sealing';
import { withEndpoint } from './with-endpoint';

/** Every live secret adds a signature to each message, and receivers limit the header's size. */
const MAX_LIVE_SECRETS = 10;

export interface Rotation {
  endpointId: PublicId;
  /** The new secret; generated if left out. */
  secret?: string | undefined;
  /** How long older secrets keep signing beside the new one, in milliseconds. */
  overlapMs: number;
}

/**
 * Replaces an endpoint's signing secret, unless an earlier execution of the same request has done so.
 *
 * @returns the secrets as they are now
 * @throws WebhookRefusal when there is no such endpoint, the secret is in use already, or too many are
 */
export async function rotateSecret(
  { pool, keyring }: { pool: Pool; keyring: Keyring },
  { tenantId, effectId, fence }: Effect,
  { endpointId, secret = newSecret(), overlapMs }: Rotation,
): Promise<LiveSecrets> {
  const id = asId('sec', effectId);
  return withEndpoint(pool, tenantId, endpointId, async (client) => {
    await fence(client);
    if (await mayBeAdded(client, keyring, { id, endpointId, secret, overlapMs })) {
      await retireEndpointSecrets(client, endpointId, overlapMs);
      await insertEndpointSecret(client, endpointId, { id, encrypted: sealSecret(keyring, id, secret) });
      await bumpEndpointVersion(client, endpointId);
    }
    return readLiveSecrets(client, keyring, endpointId);
  });
}

/** @returns false when it was added before @throws WebhookRefusal */
async function mayBeAdded(
  db: Queryable,
  keyring: Keyring,
  { id, endpointId, secret, overlapMs }: Required<Rotation> & { id: PublicId },
): Promise<boolean> {
  const live = await listEndpointSecrets(db, endpointId);
  if (live.some((known) => known.id === id)) return false;
  if (live.some((known) => openSecret(keyring, known) === secret)) {
    throw new WebhookRefusal('secret-in-use', 'is one of the secrets that sign already', { field: ['secret'] });
  }
  if (overlapMs > 0 && live.length >= MAX_LIVE_SECRETS) {
    throw new WebhookRefusal(
      'too-many-secrets',
      `${live.length} secrets sign already: wait for one to expire, or end them all with the overlap "0s".`,
    );
  }
  return true;
}
