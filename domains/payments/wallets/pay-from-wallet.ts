import { PermanentError } from '../../../core/permanent-error';
import { inTransaction } from '../../../infra/postgres/pool';
import type { EventOutbox } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { recordResult } from '../paying/record-result';
import { PaymentFault } from '../rules/errors';
import { lockPayment, type Payment } from '../store/payments';
import { storingEvents } from '../tell-events';
import { payFromWallets } from './pay-from-wallets';
import { releaseWallet } from './release-wallet';

/**
 * Ends a payment that was accepted and not paid from its wallet at once, as {@link payFromWallets} does many.
 *
 * @returns the payment: captured, declined for want of money, or failed because it cannot be posted
 */
export async function payFromWallet(deps: PaymentDeps, payment: Payment, outbox?: EventOutbox): Promise<Payment> {
  try {
    const [ended] = await storingEvents(deps, outbox, (store) =>
      inTransaction(deps.pool, async (db) => {
        const current = await lockPayment(db, payment.id);
        if (current === undefined) throw new PaymentFault('there is no such payment');
        return payFromWallets(db, [current], store);
      }),
    );
    return ended ?? payment;
  } catch (error) {
    if (error instanceof PermanentError) return refusedPosting(deps, payment);
    throw error;
  }
}

async function refusedPosting(deps: PaymentDeps, payment: Payment): Promise<Payment> {
  if (payment.state === 'authorised') await releaseWallet(deps, payment.id, 'posting_refused');
  // Of a payment that was just released, this only reads how it ended.
  return recordResult(deps, { kind: 'ended', payment, move: 'fail', code: 'posting_refused' });
}
