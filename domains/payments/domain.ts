import type { Domain } from '../../infra/platform/domain';
import { housekeeping } from '../../infra/temporal/schedules';
import { paymentsConfig } from './config';
import { PAYMENT_WORKFLOWS, SWEEP_PAYMENTS_SCHEDULE } from './rules/workflow-names';
import { watchPayments } from './watch-payments';

export const payments: Domain = {
  name: 'payments',
  config: paymentsConfig,
  // Crediting a wallet makes money that no provider has: paying does not include it.
  scopes: ['payments:read', 'payments:write', 'payments:review', 'wallets:credit'],
  watch: watchPayments,
  schedules: ({ config }) => [
    housekeeping(config, {
      id: SWEEP_PAYMENTS_SCHEDULE,
      workflowType: PAYMENT_WORKFLOWS.sweepPayments,
      everyMs: config.WAYBILL_SWEEP_INTERVAL,
      summary: 'Gives payments, refunds and chargebacks without progress to their workflows',
    }),
  ],
};
