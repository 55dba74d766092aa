import type { PublicId } from '../../../core/ids';
import { inTime } from '../../../infra/temporal/in-time';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { startRefund } from '../start';
import { findPayment } from '../store/payments';
import { findRefund, type Refund } from '../store/refunds';

/** Restarts the workflow of a refund that needs review. @throws PaymentRefusal */
export async function resumeRefund(
  deps: PaymentDeps,
  tenantId: PublicId,
  paymentId: PublicId,
  id: PublicId,
): Promise<Refund> {
  const payment = await findPayment(deps.pool, tenantId, paymentId);
  const refund = payment && (await findRefund(deps.pool, tenantId, paymentId, id));
  if (payment === undefined || refund === undefined) throw new PaymentRefusal('not-found');
  if (refund.state !== 'needs_review') {
    throw new PaymentRefusal('needs-no-review', `The refund needs no review: it is ${refund.state}.`);
  }
  await inTime(startRefund(deps, refund, { source: payment.source.type, resume: true }));
  return refund;
}
