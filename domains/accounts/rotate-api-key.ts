import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import type { Authenticator } from './authenticator';
import { type IssuedApiKey, issueApiKey, reissueApiKey } from './issue-api-key';
import { AccountRefusal } from './refusals';
import { mustHold, type ScopeSet } from './scopes';
import { showApiKey } from './show-api-key';
import { endApiKeyAfter } from './store/api-keys';

/** How a key is replaced. */
export interface ApiKeyRotation {
  /** The key that is replaced. */
  id: PublicId;
  /** How long it keeps working, in milliseconds. */
  overlap: number;
  /** When the new one ends; by default when the old one would have. */
  expiresAt?: Date | undefined;
}

/**
 * Replaces an API key with a new one of the same name and scopes. A repetition creates no second one, but gives the
 * first a new secret.
 *
 * @param by - who makes the request, and the scopes that they have
 * @throws AccountRefusal `no-api-key`, `lacks-scope`, and `key-ended` for one that is revoked or expired
 */
export async function rotateApiKey(
  { pool, authenticator }: { pool: Pool; authenticator: Authenticator },
  by: Effect & { scopes: ScopeSet },
  { id: oldId, overlap, expiresAt }: ApiKeyRotation,
): Promise<IssuedApiKey> {
  const { tenantId } = by;
  const old = await showApiKey(pool, tenantId, oldId);
  mustHold(by.scopes, old.scopes);
  const id = asId('key', by.effectId);
  const issued = await inTransaction(pool, async (client) => {
    await by.fence(client);
    const known = await reissueApiKey(client, { tenantId, id });
    if (known !== undefined) return known;
    if (!(await endApiKeyAfter(client, { tenantId, id: oldId, overlapMs: overlap }))) {
      throw new AccountRefusal('key-ended', 'The key is revoked or expired: create a new one instead.');
    }
    const { name, scopes } = old;
    return issueApiKey(client, { id, tenantId, name, scopes, expiresAt: expiresAt ?? old.expiresAt });
  });
  authenticator.forget(oldId);
  return issued;
}
