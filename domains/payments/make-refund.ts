import type { PublicId } from '../../core/ids';
import type { Logger } from '../../infra/log';
import { inTransaction } from '../../infra/postgres/pool';
import type { PaymentDeps } from './deps';
import { PaymentRefusal } from './refusals';
import { refundWorkflowId } from './rules/workflow-names';
import { startRefund } from './start-payments';
import { hasOpenChargeback } from './store/chargebacks';
import { lockPayment, type Payment, reserveRefund } from './store/payments';
import { findRefund, insertRefund, type Refund } from './store/refunds';
import { waitForEnd } from './wait-for-end';

interface NewRefundRequest {
  /** The same whenever the request is repeated. */
  id: PublicId;
  /** Default: all that is left of the payment. */
  amount: bigint | undefined;
  reason: string | undefined;
}

/**
 * Refunds a payment, or a part of it: sets the amount aside, has the workflow give it back, and waits a while for it. A
 * repetition with the same id goes on with what there is.
 *
 * @throws PaymentRefusal when the payment's state or what is left of it does not allow it
 */
export async function makeRefund(
  deps: PaymentDeps,
  context: { tenantId: PublicId; log: Logger },
  payment: Payment,
  request: NewRefundRequest,
): Promise<Refund> {
  const { pool, client, config } = deps;
  const { tenantId } = context;
  const known = await findRefund(pool, tenantId, payment.id, request.id);
  const refund = known ?? (await store(deps, tenantId, payment.id, request));
  if (refund.state !== 'pending') return refund;
  try {
    const started = startRefund(client, config, refund, payment.source.type, known !== undefined);
    await waitForEnd(client, refund.workflowId, started);
  } catch (error) {
    context.log.warn({ err: error, refundId: refund.id }, 'a refund is left to its workflow');
  }
  return (await findRefund(pool, tenantId, payment.id, refund.id)) ?? refund;
}

function store(
  { pool }: PaymentDeps,
  tenantId: PublicId,
  paymentId: PublicId,
  request: NewRefundRequest,
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
    const amount = request.amount ?? left;
    if (left === 0n) throw new PaymentRefusal('nothing-left', 'Nothing is left of the payment to be refunded.');
    if (amount > left || !(await reserveRefund(db, paymentId, amount))) {
      throw new PaymentRefusal('more-than-left', `is more than is left of the payment, ${left}`, { field: ['amount'] });
    }
    return insertRefund(db, {
      id: request.id,
      tenantId,
      paymentId,
      amount,
      currency: payment.currency,
      reason: request.reason,
      workflowId: refundWorkflowId(request.id),
    });
  });
}
