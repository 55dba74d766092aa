import type { PublicId } from '../../core/ids';
import { authoriseCharge, captureCharge, lookUpCharge, voidCharge } from '../../domains/payments/charge-calls';
import { flagChargeback, recordChargeback } from '../../domains/payments/chargebacks';
import { paymentDeps } from '../../domains/payments/deps';
import { endPayment, flagPayment, recordCapture } from '../../domains/payments/record-payment';
import {
  callRefund,
  failRefund,
  flagRefund,
  lookUpRefund,
  type RefundDone,
  recordRefund,
} from '../../domains/payments/refunds';
import { sweepPayments } from '../../domains/payments/sweep';
import { holdWallet, releaseWallet } from '../../domains/payments/wallet-holds';
import type { ActivityDeps } from '../deps';

export type PaymentActivities = ReturnType<typeof createPaymentActivities>;

const SWEEP_GRACE_MS = 60_000;

/** The side effects of payments, refunds and chargebacks. */
export function createPaymentActivities(activityDeps: ActivityDeps) {
  const deps = paymentDeps(activityDeps);
  return {
    authoriseCharge: (paymentId: PublicId) => authoriseCharge(deps, paymentId),
    captureCharge: (paymentId: PublicId, chargeId: string) => captureCharge(deps, paymentId, chargeId),
    voidCharge: (paymentId: PublicId) => voidCharge(deps, paymentId),
    lookUpCharge: (paymentId: PublicId) => lookUpCharge(deps, paymentId),
    holdWallet: (paymentId: PublicId) => holdWallet(deps, paymentId),
    releaseWallet: (paymentId: PublicId, code: string) => releaseWallet(deps, paymentId, code),
    /** @param charge - absent for a wallet */
    recordCapture: (paymentId: PublicId, charge?: { chargeId: string; capturedAt: string }) =>
      recordCapture(deps, paymentId, charge),
    endPayment: (paymentId: PublicId, state: 'declined' | 'failed' | 'voided', code: string) =>
      endPayment(deps, paymentId, state, code),
    flagPayment: (paymentId: PublicId, code: string) => flagPayment(deps, paymentId, code),

    callRefund: (refundId: PublicId) => callRefund(deps, refundId),
    lookUpRefund: (refundId: PublicId) => lookUpRefund(deps, refundId),
    /** @param done - absent for a wallet */
    recordRefund: (refundId: PublicId, done?: RefundDone) => recordRefund(deps, refundId, done),
    failRefund: (refundId: PublicId, code: string) => failRefund(deps, refundId, code),
    flagRefund: (refundId: PublicId, code: string) => flagRefund(deps, refundId, code),

    recordChargeback: (chargebackId: PublicId) => recordChargeback(deps, chargebackId),
    flagChargeback: (chargebackId: PublicId) => flagChargeback(deps, chargebackId),

    /** Gives payments, refunds and chargebacks that nobody attends to their workflows. */
    sweepNeglectedPayments: (graceMs = SWEEP_GRACE_MS) => sweepPayments(deps, graceMs),
  };
}
