import { asId, type PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { LoggedEffect, PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { leftToRefund } from '../rules/refundable';
import { refundWorkflowId } from '../rules/workflow-names';
import { startRefund, waitForEnd } from '../start';
import { sumChargebacks } from '../store/chargebacks';
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
  const refund = known ?? (await store(deps, effect, id, request));
  if (refund.state !== 'pending') return refund;
  try {
    const started = startRefund(deps, refund, { source: payment.source.type, resume: known !== undefined });
    await waitForEnd(deps, refund.workflowId, started);
  } catch (error) {
    effect.log.warn({ err: error, refundId: id }, 'a refund is left to its workflow');
  }
  return (await findRefund(pool, tenantId, paymentId, id)) ?? refund;
}

/**
 * Whoever has taken the request over may have stored it since it was looked for, and waits for the fence until this is
 * committed: of two executions, the second finds the first one's refund instead of nothing left.
 */
function store(
  { pool }: PaymentDeps,
  { tenantId, fence }: LoggedEffect,
  id: PublicId,
  { paymentId, amount: wanted, reason }: NewRefundRequest,
): Promise<Refund> {
  return inTransaction(pool, async (db) => {
    await fence(db);
    const payment = await lockPayment(db, paymentId);
    const known = await findRefund(db, tenantId, paymentId, id);
    if (known !== undefined) return known;
    if (payment?.state !== 'captured') {
      throw new PaymentRefusal('not-refundable', `The payment cannot be refunded: it is ${payment?.state ?? 'gone'}.`);
    }
    const { blocked } = await sumChargebacks(db, payment);
    const left = leftToRefund(payment, blocked);
    const amount = wanted ?? left;
    const disputed = `${blocked} of the payment were charged back or are in dispute (GET /v1/chargebacks?paymentId=${paymentId})`;
    if (left === 0n && blocked > 0n)
      throw new PaymentRefusal('charged-back', `Nothing is left to be refunded: ${disputed}.`);
    if (left === 0n) throw new PaymentRefusal('nothing-left', 'Nothing is left of the payment to be refunded.');
    if (amount > left || !(await reserveRefund(db, paymentId, amount))) {
      const why = blocked > 0n ? `; ${disputed}` : '';
      throw new PaymentRefusal('more-than-left', `is more than is left of the payment, ${left}${why}`, {
        field: ['amount'],
      });
    }
    const { currency } = payment;
    return insertRefund(db, { id, tenantId, paymentId, amount, currency, reason, workflowId: refundWorkflowId(id) });
  });
}
