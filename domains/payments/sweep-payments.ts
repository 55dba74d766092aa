import type { PaymentDeps } from './deps';
import type { PaymentSweepReport } from './rules/payment-flow';
import { startChargeback, startPayment, startRefund } from './start';
import { takeNeglectedChargebacks } from './store/chargebacks';
import { takeDuePayments } from './store/payment-leases';
import { readPayment } from './store/payments';
import { takeDueRefunds } from './store/refund-leases';

const MAX_SWEPT = 500;

/**
 * Starts workflows for payments and refunds whose next step is overdue, and for chargebacks without progress for a while: the
 * process died before it started one, or it is gone.
 */
export async function sweepPayments(deps: PaymentDeps, graceMs: number): Promise<PaymentSweepReport> {
  const { pool, log } = deps;
  const payments = await takeDuePayments(pool, { pauseMs: graceMs, limit: MAX_SWEPT });
  for (const payment of payments) await startPayment(deps, payment, { resume: true });
  const refunds = await takeDueRefunds(pool, { pauseMs: graceMs, limit: MAX_SWEPT });
  for (const refund of refunds) {
    const payment = await readPayment(pool, refund.paymentId);
    if (payment !== undefined) await startRefund(deps, refund, { source: payment.source.type, resume: true });
  }
  const chargebacks = await takeNeglectedChargebacks(pool, graceMs, MAX_SWEPT);
  for (const chargeback of chargebacks) await startChargeback(deps, chargeback, { news: false });
  const report = { payments: payments.length, refunds: refunds.length, chargebacks: chargebacks.length };
  if (payments.length + refunds.length + chargebacks.length > 0) log.info(report, 'swept payments');
  return report;
}
