import { asId, type PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { LoggedEffect, PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { refundWorkflowId } from '../rules/workflow-names';
import { startRefund, waitForEnd } from '../start';
import { hasOpenChargeback } from '../store/chargebacks';
import { findPayment, lockPayment, reserveRefund } from '../store/payments';
import { findRefund, insertRefund, type Refund } from '../store/refunds';

export interface NewRefundRequest {
  paymentId: PublicId;
  /** Default: all that is left of the payment. */
  amount: bigint | undefined;
  reason: string | undefined;
}

/**
 * Refunds a payment, or a part of it: sets the amount aside, has the workflow give it back, and waits a while for the
 * result. A repeat with the same effect continues with the stored refund.
 *
 * @throws PaymentRefusal when the payment's state or what is left of it does not allow it
 */
export async function makeRefund(deps: PaymentDeps, effect: LoggedEffect, request: NewRefundRequest): Promise<Refund> {
  const { pool } = deps;
  const { tenantId } = effect;
  const { paymentId } = request;
  const payment = await findPayment(pool, tenantId, paymentId);
  if (payment === undefined) throw new PaymentRefusal('not-found');
  const id = asId('ref', effect.effectId);
  const known = await findRefund(pool, tenantId, paymentId, id);
  const refund = known ?? (await store(deps, tenantId, id, request));
  if (refund.state !== 'pending') return refund;
  try {
    const started = startRefund(deps, refund, { source: payment.source.type, resume: known !== undefined });
    await waitForEnd(deps, refund.workflowId, started);
  } catch (error) {
    effect.log.warn({ err: error, refundId: id }, 'a refund is left to its workflow');
  }
  return (await findRefund(pool, tenantId, paymentId, id)) ?? refund;
}

function store(
  { pool }: PaymentDeps,
  tenantId: PublicId,
  id: PublicId,
  { paymentId, amount: wanted, reason }: NewRefundRequest,
): Promise<Refund> {
  return inTransaction(pool, async (db) => {
    const payment = await lockPayment(db, paymentId);
    if (payment?.state !== 'captured') {
      throw new PaymentRefusal('not-refundable', `The payment cannot be refunded: it is ${payment?.state ?? 'gone'}.`);
    }
    if (await hasOpenChargeback(db, paymentId)) {
      throw new PaymentRefusal('charged-back', 'The payment was charged back: its money is gone already.');
    }
    const left = payment.amount - payment.refundReserved;
    const amount = wanted ?? left;
    if (left === 0n) throw new PaymentRefusal('nothing-left', 'Nothing is left of the payment to be refunded.');
    if (amount > left || !(await reserveRefund(db, paymentId, amount))) {
      throw new PaymentRefusal('more-than-left', `is more than is left of the payment, ${left}`, { field: ['amount'] });
    }
    const { currency } = payment;
    return insertRefund(db, { id, tenantId, paymentId, amount, currency, reason, workflowId: refundWorkflowId(id) });
  });
}
