import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, transferPosting } from '../../ledger';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { Hold } from '../rules/payment-flow';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { movePayment } from '../store/payment-changes';
import { lockPayment, readPayment } from '../store/payments';
import { lockWallet, withBalance } from '../store/wallets';

/** Sets a payment's money aside in its wallet, once. */
export async function holdWallet({ pool }: PaymentDeps, paymentId: PublicId): Promise<Hold> {
  const payment = await readPayment(pool, paymentId);
  if (payment === undefined || payment.source.type !== 'wallet') throw new PaymentFault('there is no such payment');
  const { tenantId, currency, amount } = payment;
  const { walletId } = payment.source;
  return inTransaction(pool, async (db) => {
    const wallet = await lockWallet(db, tenantId, walletId);
    if (wallet === undefined || wallet.currency !== currency) return { outcome: 'declined', code: 'no_such_wallet' };
    const current = await lockPayment(db, paymentId);
    if (current?.state !== 'pending') return { outcome: 'held' };
    const { available } = await withBalance(db, wallet);
    if (available < amount) return { outcome: 'declined', code: 'insufficient_funds' };
    await postTransaction(db, {
      tenantId,
      kind: PAYMENT_MOVES.hold.posts,
      externalRef: paymentId,
      currency,
      posting: transferPosting(ACCOUNTS.wallet(walletId), ACCOUNTS.walletHeld(walletId), amount),
      effectiveAt: new Date(),
    });
    await movePayment(db, paymentId, 'hold');
    return { outcome: 'held' };
  });
}
