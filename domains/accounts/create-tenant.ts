import { asId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import type { Queryable } from '../../infra/postgres/pool';
import { insertTenant, type Tenant } from './store/tenants';

/** Makes a tenant. A repetition answers with the one that was made; it needs no fence, since one insert is all there is. */
export async function createTenant(
  { pool }: { pool: Queryable },
  { effectId }: Pick<Effect, 'effectId'>,
  tenant: Omit<Tenant, 'id' | 'createdAt'>,
): Promise<Tenant> {
  return insertTenant(pool, { ...tenant, id: asId('ten', effectId) });
}
