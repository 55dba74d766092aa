import { asId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import type { Queryable } from '../../infra/postgres/pool';
import { insertTenant, type Tenant } from './store/tenants';

/** Creates a tenant. A repetition returns the same one. No fence is needed, because there is only one insert. */
export async function createTenant(
  { pool }: { pool: Queryable },
  { effectId }: Pick<Effect, 'effectId'>,
  tenant: Omit<Tenant, 'id' | 'createdAt'>,
): Promise<Tenant> {
  return insertTenant(pool, { ...tenant, id: asId('ten', effectId) });
}
