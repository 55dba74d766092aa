import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { inTransaction } from '../../../infra/postgres/pool';
import { inTime } from '../../../infra/temporal/in-time';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { paymentWorkflowId } from '../rules/workflow-names';
import { startPayment } from '../start';
import { movePayment } from '../store/payment-changes';
import { findPayment, type Payment } from '../store/payments';

/** Why an earlier version put a wallet's payment before a person, with its money still set aside. */
const HELD_CODES = ['posting_failed', 'hold_not_released'];

/**
 * Has a workflow go on with a payment that needs review, with an entry in the audit log: it asks the provider first.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws PaymentRefusal
 */
export async function resumePayment(
  deps: PaymentDeps,
  by: { tenantId: PublicId; keyId: PublicId; log: Logger },
  id: PublicId,
): Promise<Payment> {
  const { tenantId, keyId } = by;
  const found = await findPayment(deps.pool, tenantId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  if (found.orderReleased) {
    const detail =
      'Its order has gone on without it: say what became of the money with POST /v1/payments/{id}/resolve.';
    throw new PaymentRefusal('needs-no-review', detail);
  }
  const isHeld = found.source.type === 'wallet' && HELD_CODES.includes(found.declineCode ?? '');
  const payment = await inTransaction(deps.pool, async (db) => {
    const resumed = await movePayment(db, id, isHeld ? 'resumeHeld' : 'resume');
    if (resumed === undefined) {
      throw new PaymentRefusal('needs-no-review', `The payment needs no review: it is ${found.state}.`);
    }
    const payload = { code: found.declineCode ?? null };
    await appendAudit(db, tenantId, { actor: keyId, action: 'payment.resumed', subject: id, payload });
    return resumed;
  });
  const own = { ...payment, workflowId: paymentWorkflowId(id) };
  await inTime(startPayment(deps, own, { resume: true, news: true })).catch((error: unknown) =>
    by.log.warn({ err: error, paymentId: id }, 'a payment is left to the sweep'),
  );
  return payment;
}
