import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { inTime } from '../../../infra/temporal/in-time';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { paymentWorkflowId } from '../rules/workflow-names';
import { startPayment } from '../start';
import { movePayment } from '../store/payment-changes';
import { findPayment, type Payment } from '../store/payments';

/** Why an earlier version put a wallet's payment before a person, with its money still set aside. */
const HELD_CODES = ['posting_failed', 'hold_not_released'];

/** Has a workflow go on with a payment that needs review: it asks the provider first. @throws PaymentRefusal */
export async function resumePayment(
  deps: PaymentDeps,
  { tenantId, log }: { tenantId: PublicId; log: Logger },
  id: PublicId,
): Promise<Payment> {
  const found = await findPayment(deps.pool, tenantId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  if (found.orderReleased) {
    const detail =
      'Its order has gone on without it: say what became of the money with POST /v1/payments/{id}/resolve.';
    throw new PaymentRefusal('needs-no-review', detail);
  }
  const isHeld = found.source.type === 'wallet' && HELD_CODES.includes(found.declineCode ?? '');
  const payment = await movePayment(deps.pool, id, isHeld ? 'resumeHeld' : 'resume');
  if (payment === undefined) {
    throw new PaymentRefusal('needs-no-review', `The payment needs no review: it is ${found.state}.`);
  }
  const own = { ...payment, workflowId: paymentWorkflowId(id) };
  await inTime(startPayment(deps, own, { resume: true })).catch((error: unknown) =>
    log.warn({ err: error, paymentId: id }, 'a payment is left to the sweep'),
  );
  return payment;
}
