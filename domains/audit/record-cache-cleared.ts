import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from './store/audit-log';

/** Records that an operator drops what is cached, in the log of the tenant that the key belongs to. */
export async function recordCacheCleared(
  pool: Pool,
  { tenantId, keyId, fence }: Pick<Effect, 'tenantId' | 'fence'> & { keyId: PublicId },
  { namespace, ...target }: { namespace: string; pattern?: string | undefined; tag?: string | undefined },
): Promise<void> {
  await inTransaction(pool, async (db) => {
    await fence(db);
    await appendAudit(db, tenantId, { actor: keyId, action: 'cache.cleared', subject: namespace, payload: target });
  });
}
