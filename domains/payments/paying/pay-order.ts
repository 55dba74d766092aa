import type { PublicId } from '../../../core/ids';
import type { LoggedEffect, PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { findOrder } from '../store/orders';
import type { Payment, PaymentSource } from '../store/payments';
import { makePayment } from './make-payment';

/** As {@link makePayment}, for an order named by the path: an unknown one is `not-found`. */
export async function payOrder(
  deps: PaymentDeps,
  effect: LoggedEffect,
  orderId: PublicId,
  source: PaymentSource,
): Promise<Payment> {
  if ((await findOrder(deps.pool, effect.tenantId, orderId)) === undefined) throw new PaymentRefusal('not-found');
  return makePayment(deps, effect, { orderId, source });
}
