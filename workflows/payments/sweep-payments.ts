import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { PaymentActivities } from '../../activities/payments';
import type { PaymentSweepReport } from '../../domains/payments/rules/payment-flow';

const { sweepNeglectedPayments } = proxyActivities<PaymentActivities>({
  startToCloseTimeout: '2 minutes',
  retry: { maximumAttempts: 3 },
});

export interface PaymentSweepInput {
  /** How long something must have made no progress; by default a minute. */
  graceMs?: number;
}

/** Run by the Schedule `sweep-payments`: starts workflows for payments, refunds and chargebacks without progress. */
export async function sweepPayments(input: PaymentSweepInput = {}): Promise<PaymentSweepReport> {
  const report = await sweepNeglectedPayments(input.graceMs);
  const { payments, refunds, chargebacks } = report;
  setCurrentDetails(
    payments + refunds + chargebacks === 0
      ? 'Nothing was neglected.'
      : `${payments} payments, ${refunds} refunds, ${chargebacks} chargebacks without progress were given their workflows.`,
  );
  return report;
}
