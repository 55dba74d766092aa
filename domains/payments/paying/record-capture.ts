import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import { readPayment } from '../store/payments';
import { recordResult } from './record-result';

/**
 * Records that a payment's money was taken, once.
 *
 * @throws PaymentFault when the payment has ended otherwise, or the merchant has no fee schedule
 */
export async function recordCapture(
  deps: PaymentDeps,
  paymentId: PublicId,
  charge: { chargeId: string; capturedAt: string } | undefined,
): Promise<void> {
  const payment = await readPayment(deps.pool, paymentId);
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  const told = charge && { id: charge.chargeId, capturedAt: new Date(charge.capturedAt) };
  const recorded = await recordResult(deps, { kind: 'captured', payment, charge: told });
  if (recorded.state !== 'captured') {
    throw new PaymentFault(`the payment is ${recorded.state}, and its money was taken`);
  }
}
