import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { postTransaction } from '../../ledger';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { Hold } from '../rules/payment-flow';
import { movePayment } from '../store/payment-changes';
import { lockPayment, readPayment } from '../store/payments';
import { lockWallets } from '../store/wallets';
import { holdTransaction } from './hold-transaction';

/** Sets a payment's money aside in its wallet, once. */
export async function holdWallet({ pool }: PaymentDeps, paymentId: PublicId): Promise<Hold> {
  const payment = await readPayment(pool, paymentId);
  if (payment === undefined || payment.source.type !== 'wallet') throw new PaymentFault('there is no such payment');
  const { tenantId, currency, amount } = payment;
  const { walletId } = payment.source;
  return inTransaction(pool, async (db) => {
    const current = await lockPayment(db, paymentId);
    const [wallet] = await lockWallets(db, [walletId]);
    if (wallet?.tenantId !== tenantId || wallet.currency !== currency) {
      return { outcome: 'declined', code: 'no_such_wallet' };
    }
    if (current?.state !== 'pending') return { outcome: 'held' };
    if (wallet.available < amount) return { outcome: 'declined', code: 'insufficient_funds' };
    await postTransaction(db, holdTransaction(payment, walletId));
    await movePayment(db, paymentId, 'hold');
    return { outcome: 'held' };
  });
}
