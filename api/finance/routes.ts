import type { AppDeps } from '../deps';
import type { Route } from '../route';
import { businessRoutes } from './business/routes';
import { feeScheduleRoutes } from './fee-schedules/routes';
import { ledgerRoutes } from './ledger/routes';
import { merchantRoutes } from './merchants/routes';
import { paymentRoutes } from './payments/routes';
import { settlementRoutes } from './settlement/routes';

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
