import type { PaymentDeps } from './deps';
import { startChargeback, startPayment, startRefund } from './start-payments';
import { takeNeglectedChargebacks } from './store/chargebacks';
import { readPayment, takeNeglectedPayments } from './store/payments';
import { takeNeglectedRefunds } from './store/refunds';

/** How many were found without progress; those whose workflow runs are left to it. */
export interface PaymentSweepReport {
  payments: number;
  refunds: number;
  chargebacks: number;
}

const MAX_SWEPT = 500;

/** Gives what nothing has happened to for a while its workflow: its process died before it started one, or it is gone. */
export async function sweepPayments(deps: PaymentDeps, graceMs: number): Promise<PaymentSweepReport> {
  const { pool, client, config, log } = deps;
  const payments = await takeNeglectedPayments(pool, graceMs, MAX_SWEPT);
  for (const payment of payments) await startPayment(client, config, payment, true);
  const refunds = await takeNeglectedRefunds(pool, graceMs, MAX_SWEPT);
  for (const refund of refunds) {
    const payment = await readPayment(pool, refund.paymentId);
    if (payment !== undefined) await startRefund(client, config, refund, payment.source.type, true);
  }
  const chargebacks = await takeNeglectedChargebacks(pool, graceMs, MAX_SWEPT);
  for (const chargeback of chargebacks) await startChargeback(client, config, chargeback);
  const report = { payments: payments.length, refunds: refunds.length, chargebacks: chargebacks.length };
  if (payments.length + refunds.length + chargebacks.length > 0) log.info(report, 'swept payments');
  return report;
}
