import type { PublicId } from '../../core/ids';
import {
  authoriseCharge,
  type CarryOnOptions,
  callRefund,
  captureCharge,
  carryOnPayments,
  carryOnRefund,
  endPayment,
  failRefund,
  flagChargeback,
  flagPayment,
  flagRefund,
  holdWallet,
  lookUpCharge,
  lookUpRefund,
  paymentDeps,
  type RefundRound,
  recordCapture,
  recordChargeback,
  recordRefund,
  releaseWallet,
  sweepPayments,
  voidCharge,
} from '../../domains/payments';
import type { Platform } from '../../infra/platform/platform';
import { withHeartbeats } from './heartbeats';

export type PaymentActivities = ReturnType<typeof createPaymentActivities>;

const SWEEP_GRACE_MS = 60_000;

/** The side effects of payments, refunds and chargebacks. */
export function createPaymentActivities(platform: Platform) {
  const deps = paymentDeps(platform);
  return {
    carryOnPayments: (paymentIds: PublicId[], options: CarryOnOptions) =>
      withHeartbeats(carryOnPayments(deps, paymentIds, options)),
    flagPayment: (paymentId: PublicId, code: string) => flagPayment(deps, paymentId, code),

    // For runs of `payment` that began in earlier versions.
    authoriseCharge: (paymentId: PublicId) => withHeartbeats(authoriseCharge(deps, paymentId)),
    captureCharge: (paymentId: PublicId, chargeId: string) => withHeartbeats(captureCharge(deps, paymentId, chargeId)),
    voidCharge: (paymentId: PublicId) => withHeartbeats(voidCharge(deps, paymentId)),
    lookUpCharge: (paymentId: PublicId) => withHeartbeats(lookUpCharge(deps, paymentId)),
    holdWallet: (paymentId: PublicId) => holdWallet(deps, paymentId),
    releaseWallet: (paymentId: PublicId, code: string) => releaseWallet(deps, paymentId, code),
    /** @param charge - absent for a wallet */
    recordCapture: (paymentId: PublicId, charge?: { chargeId: string; capturedAt: string }) =>
      recordCapture(deps, paymentId, charge),
    endPayment: (paymentId: PublicId, state: 'declined' | 'failed' | 'voided', code: string) =>
      endPayment(deps, paymentId, state, code),

    carryOnRefund: (refundId: PublicId, round: RefundRound) => withHeartbeats(carryOnRefund(deps, refundId, round)),
    flagRefund: (refundId: PublicId, code: string) => flagRefund(deps, refundId, code),

    // For runs of `refund` that began in earlier versions.
    callRefund: (refundId: PublicId) => withHeartbeats(callRefund(deps, refundId)),
    lookUpRefund: (refundId: PublicId) => withHeartbeats(lookUpRefund(deps, refundId)),
    recordRefund: (refundId: PublicId) => withHeartbeats(recordRefund(deps, refundId)),
    failRefund: (refundId: PublicId) => failRefund(deps, refundId),

    recordChargeback: (chargebackId: PublicId) => recordChargeback(deps, chargebackId),
    flagChargeback: (chargebackId: PublicId) => flagChargeback(deps, chargebackId),

    /** Starts workflows for payments, refunds and chargebacks that nobody attends to. */
    sweepNeglectedPayments: (graceMs = SWEEP_GRACE_MS) => sweepPayments(deps, graceMs),
  };
}
