import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, transferPosting } from '../../ledger';
import type { PaymentDeps } from '../deps';
import { endIn } from '../paying/end-payment';
import { allows } from '../rules/moves';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { lockPayment } from '../store/payments';
import { tellEvents } from '../tell-events';

/** Releases what was set aside for a payment that cannot be captured, and ends the payment, once. */
export async function releaseWallet(deps: PaymentDeps, paymentId: PublicId, code: string): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, paymentId);
    if (payment?.source.type !== 'wallet' || !allows(PAYMENT_MOVES.release, payment.state)) return undefined;
    const { walletId } = payment.source;
    await postTransaction(db, {
      tenantId: payment.tenantId,
      kind: PAYMENT_MOVES.release.posts,
      externalRef: paymentId,
      currency: payment.currency,
      posting: transferPosting(ACCOUNTS.walletHeld(walletId), ACCOUNTS.wallet(walletId), payment.amount),
      effectiveAt: new Date(),
    });
    return endIn(db, paymentId, 'release', code);
  });
  await tellEvents(deps, [event]);
}
