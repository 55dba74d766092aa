import { merchants } from '../../domains/merchants';
import type { Door } from '../http/door';
import { businessRoutes } from './business/routes';
import { feeScheduleRoutes } from './fee-schedules/routes';
import { merchantRoutes } from './merchants/routes';

export const merchantsDoor: Door = {
  domain: merchants,
  routes: (context) => [...merchantRoutes(context), ...feeScheduleRoutes(context), ...businessRoutes(context)],
};
