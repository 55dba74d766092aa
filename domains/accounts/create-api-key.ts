import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { type IssuedApiKey, issueApiKey, reissueApiKey } from './issue-api-key';
import { AccountRefusal } from './refusals';
import { mustHold, type ScopeSet } from './scopes';
import { findTenant } from './store/tenants';

/** A request for a key. */
export interface ApiKeyRequest {
  name: string;
  scopes: readonly string[];
  expiresAt?: Date | undefined;
  /** The tenant that gets the key; by default the caller's own. */
  tenantId?: PublicId | undefined;
}

/**
 * Creates an API key. A repetition creates no second one, but gives the first a new secret.
 *
 * @param by - who makes the request, and the scopes that they have
 * @throws AccountRefusal `lacks-scope`, `no-such-tenant`
 */
export async function createApiKey(
  { pool }: { pool: Pool },
  by: Effect & { scopes: ScopeSet },
  request: ApiKeyRequest,
): Promise<IssuedApiKey> {
  const tenantId = await tenantFor(pool, by, request.tenantId);
  if (!by.scopes.allows('admin')) mustHold(by.scopes, request.scopes);
  const { name, scopes, expiresAt } = request;
  const id = asId('key', by.effectId);
  return inTransaction(pool, async (client) => {
    await by.fence(client);
    const known = await reissueApiKey(client, { tenantId, id });
    return known ?? issueApiKey(client, { id, tenantId, name, scopes, expiresAt });
  });
}

async function tenantFor(
  db: Queryable,
  by: { tenantId: PublicId; scopes: ScopeSet },
  wanted: PublicId | undefined,
): Promise<PublicId> {
  if (wanted === undefined || wanted === by.tenantId) return by.tenantId;
  if (!by.scopes.allows('admin')) {
    const detail = 'A key for another tenant needs the scope "admin".';
    throw new AccountRefusal('lacks-scope', detail, { scope: 'admin' });
  }
  if ((await findTenant(db, wanted)) === undefined) {
    throw new AccountRefusal('no-such-tenant', 'there is no such tenant', { field: ['tenantId'] });
  }
  return wanted;
}
