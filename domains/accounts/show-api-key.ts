import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { AccountRefusal } from './refusals';
import { type ApiKey, findApiKey } from './store/api-keys';

/** A tenant's key, without its secret. @throws AccountRefusal `no-api-key` */
export async function showApiKey(db: Queryable, tenantId: PublicId, id: PublicId): Promise<ApiKey> {
  const key = await findApiKey(db, tenantId, id);
  if (key === undefined) throw new AccountRefusal('no-api-key');
  return key;
}
