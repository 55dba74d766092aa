import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { inTime } from '../../../infra/temporal/in-time';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { startPayment } from '../start';
import { findPayment, type Payment } from '../store/payments';

/**
 * Restarts the workflow of a payment that needs review, with an entry in the audit log.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws PaymentRefusal
 */
export async function resumePayment(
  deps: PaymentDeps,
  { tenantId, keyId }: { tenantId: PublicId; keyId: PublicId },
  id: PublicId,
): Promise<Payment> {
  const payment = await findPayment(deps.pool, tenantId, id);
  if (payment === undefined) throw new PaymentRefusal('not-found');
  if (payment.state !== 'needs_review') {
    throw new PaymentRefusal('needs-no-review', `The payment needs no review: it is ${payment.state}.`);
  }
  // Before it goes on: a log that says too much is better than one that says too little.
  const payload = { code: payment.declineCode ?? null };
  await inTransaction(deps.pool, (db) =>
    appendAudit(db, tenantId, { actor: keyId, action: 'payment.resumed', subject: id, payload }),
  );
  await inTime(startPayment(deps, payment, { resume: true }));
  return payment;
}
