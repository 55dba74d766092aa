import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { paymentEvent } from '../events';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { movePayment } from '../store/payments';
import { tellEvents } from '../tell-events';

/** Marks a payment for review by a person: its money may have moved, and we can neither tell nor record it. */
export async function flagPayment(deps: PaymentDeps, paymentId: PublicId, code: string): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await movePayment(db, paymentId, 'flag', { declineCode: code });
    return flagged === undefined ? undefined : storeEvent(db, paymentEvent(PAYMENT_MOVES.flag.tells, flagged));
  });
  deps.log.error({ paymentId, code }, 'a payment needs review');
  await tellEvents(deps, [event]);
}
