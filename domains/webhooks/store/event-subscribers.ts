import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** Whether an endpoint of a tenant subscribes to one of these patterns. Index: endpoint_subscriptions_pkey. */
export async function hasSubscriber(db: Queryable, tenantId: PublicId, patterns: readonly string[]): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'has-subscriber',
    text: 'SELECT FROM endpoint_subscriptions WHERE tenant_id = $1 AND pattern = ANY ($2) LIMIT 1',
    values: [toUuid(tenantId), patterns],
  });
  return rowCount === 1;
}
