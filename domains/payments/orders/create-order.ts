import type { Pool } from 'pg';
import { asId } from '../../../core/ids';
import type { Effect } from '../../../infra/postgres/effect';
import { requireBusiness, requireMerchant } from '../../merchants';
import { insertOrder, type NewOrder, type Order } from '../store/orders';

/** Creates a merchant's order, once per effect. @throws MerchantRefusal */
export async function createOrder(
  { pool }: { pool: Pool },
  { tenantId, effectId }: Pick<Effect, 'tenantId' | 'effectId'>,
  request: Omit<NewOrder, 'id' | 'tenantId'>,
): Promise<Order> {
  await requireBusiness(pool, tenantId);
  await requireMerchant(pool, tenantId, request.merchantId);
  const order = await insertOrder(pool, { ...request, id: asId('ord', effectId), tenantId });
  if (order === undefined) throw new Error('the order belongs to another tenant');
  return order;
}
