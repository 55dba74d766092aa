import { timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import { inTransaction } from '../../infra/postgres/pool';
import { parseApiKey } from './api-key-format';
import { findCredentials, insertApiKey, lockApiKeys } from './store/api-keys';
import { ensureTenantNamed } from './store/tenants';

const TENANT = 'default';

/**
 * Makes the first administrator's key, in a tenant named "default", unless it exists. A revoked key stays revoked.
 * Safe to run in several processes at once.
 *
 * @param adminKey - `WAYBILL_ADMIN_KEY`
 * @throws Error when the key is malformed, or another key with the same id exists
 */
export async function ensureAdminKey(pool: Pool, adminKey: string): Promise<void> {
  const key = parseApiKey(adminKey);
  if (key === undefined)
    throw new Error('WAYBILL_ADMIN_KEY: expected wb_live_<32 hex digits>_<43 base64url characters>');
  await inTransaction(pool, async (client) => {
    await lockApiKeys(client);
    const existing = await findCredentials(client, key.id);
    if (existing === undefined) {
      await insertApiKey(client, {
        id: key.id,
        tenantId: await ensureTenantNamed(client, TENANT),
        name: 'administrator',
        secretHash: key.secretHash,
        scopes: ['admin', '*'],
        expiresAt: undefined,
      });
    } else if (!timingSafeEqual(existing.secretHash, key.secretHash)) {
      throw new Error('WAYBILL_ADMIN_KEY: another key has the same id; choose other hex digits');
    }
  });
}
