import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { refundEvent } from '../events';
import { PaymentFault } from '../rules/errors';
import { REFUND_MOVES } from '../rules/refund-states';
import { lockPayment, settleRefund } from '../store/payments';
import { moveRefund, readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';

/** Records that a refund was refused: its part of the payment can be refunded again. */
export async function failRefund(deps: PaymentDeps, refundId: PublicId, code: string): Promise<void> {
  const refund = await readRefund(deps.pool, refundId);
  if (refund === undefined) throw new PaymentFault('there is no such refund');
  const event = await inTransaction(deps.pool, async (db) => {
    await lockPayment(db, refund.paymentId);
    const failed = await moveRefund(db, refundId, 'fail', { failureCode: code });
    if (failed === undefined) return undefined;
    await settleRefund(db, refund.paymentId, refund.amount, false);
    return storeEvent(db, refundEvent(REFUND_MOVES.fail.tells, failed));
  });
  await tellEvents(deps, [event]);
}
