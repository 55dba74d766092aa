import { openPaying, openRefunding, paymentDeps } from '../../domains/payments';
import type { DoorContext } from '../http/door';
import type { Route } from '../http/route';
import { callbackRoute } from './callback-route';
import { chargebackRoutes } from './chargeback-routes';
import { orderRoutes } from './order-routes';
import { paymentOnlyRoutes } from './payment-routes';
import { refundRoutes } from './refund-routes';
import { walletRoutes } from './wallet-routes';

/** Orders, wallets, payments, refunds, chargebacks, and the provider's callbacks. */
export function paymentRoutes(context: DoorContext): Route[] {
  const deps = {
    ...paymentDeps(context),
    reads: context.reads,
    workflowUrl: context.workflowUrl,
    paying: context.once(openPaying),
    refunding: context.once(openRefunding),
  };
  return [
    ...paymentOnlyRoutes(deps),
    ...refundRoutes(deps),
    ...orderRoutes(deps),
    ...walletRoutes(deps),
    ...chargebackRoutes(deps),
    callbackRoute(deps),
  ];
}
