import type { AppDeps } from '../deps';
import type { Route } from '../http/route';
import { ledgerRoutes } from '../ledger/routes';
import { businessRoutes } from '../merchants/business/routes';
import { feeScheduleRoutes } from '../merchants/fee-schedules/routes';
import { merchantRoutes } from '../merchants/merchants/routes';
import { paymentRoutes } from '../payments/routes';
import { settlementRoutes } from '../settlement/routes';

/** Everything about money. */
export function financeRoutes(deps: AppDeps): Route[] {
  return [
    ...paymentRoutes(deps),
    ...merchantRoutes(deps),
    ...feeScheduleRoutes(deps),
    ...businessRoutes(deps),
    ...ledgerRoutes(deps),
    ...settlementRoutes(deps),
  ];
}
