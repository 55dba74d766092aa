import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { inTime } from '../../../infra/temporal/in-time';
import type { Requester } from '../../approvals';
import { appendAudit } from '../../audit';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { startRefund } from '../start';
import { findPayment } from '../store/payments';
import { findRefund, moveRefund, type Refund } from '../store/refunds';

/** Gives a refund that needs review back to its workflow, which asks the provider first. @throws PaymentRefusal */
export async function resumeRefund(
  deps: PaymentDeps,
  { tenantId, keyId, log }: Requester,
  paymentId: PublicId,
  id: PublicId,
): Promise<Refund> {
  const payment = await findPayment(deps.pool, tenantId, paymentId);
  const found = payment && (await findRefund(deps.pool, tenantId, paymentId, id));
  if (payment === undefined || found === undefined) throw new PaymentRefusal('not-found');
  const refund = await inTransaction(deps.pool, async (db) => {
    const resumed = await moveRefund(db, id, 'resume');
    if (resumed === undefined) {
      const now = (await findRefund(db, tenantId, paymentId, id))?.state ?? 'gone';
      throw new PaymentRefusal('needs-no-review', `The refund needs no review: it is ${now}.`);
    }
    const payload = { code: found.failureCode ?? null };
    await appendAudit(db, tenantId, { actor: keyId, action: 'refund.resumed', subject: id, payload });
    return resumed;
  });
  await inTime(startRefund(deps, refund, { source: payment.source.type, resume: true, news: true })).catch(
    (error: unknown) => log.warn({ err: error, refundId: id }, 'a resumed refund is left to the sweep'),
  );
  return refund;
}
