import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { PaymentRefusal } from '../refusals';
import { findOrder, moveOrder, type Order } from '../store/orders';

/** Cancels an order that is neither paid nor being paid. @throws PaymentRefusal */
export async function cancelOrder({ pool }: { pool: Pool }, tenantId: PublicId, id: PublicId): Promise<Order> {
  const cancelled = await moveOrder(pool, tenantId, id, 'cancel');
  if (cancelled !== undefined) return cancelled;
  const order = await findOrder(pool, tenantId, id);
  if (order === undefined) throw new PaymentRefusal('not-found');
  throw new PaymentRefusal('order-not-cancellable', `The order cannot be cancelled: it is ${order.state}.`);
}
