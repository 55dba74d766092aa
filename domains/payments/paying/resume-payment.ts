import type { PublicId } from '../../../core/ids';
import { inTime } from '../../../infra/temporal/in-time';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { startPayment } from '../start';
import { findPayment, type Payment } from '../store/payments';

/** Restarts the workflow of a payment that needs review. @throws PaymentRefusal */
export async function resumePayment(deps: PaymentDeps, tenantId: PublicId, id: PublicId): Promise<Payment> {
  const payment = await findPayment(deps.pool, tenantId, id);
  if (payment === undefined) throw new PaymentRefusal('not-found');
  if (payment.state !== 'needs_review') {
    throw new PaymentRefusal('needs-no-review', `The payment needs no review: it is ${payment.state}.`);
  }
  await inTime(startPayment(deps, payment, { resume: true }));
  return payment;
}
