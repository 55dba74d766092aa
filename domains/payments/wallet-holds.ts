import type { PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, transferPosting } from '../ledger';
import { type PaymentDeps, PaymentFault, tell } from './deps';
import { endIn } from './record-payment';
import { lockPayment, movePayment, type PaymentState, readPayment } from './store/payments';
import { lockWallet, walletBalance } from './store/wallets';

/** Whether a wallet had what a payment needs. */
export type Hold = { outcome: 'held' } | { outcome: 'declined'; code: string };

/** Sets a payment's money aside in its wallet, once. */
export async function holdWallet(deps: PaymentDeps, paymentId: PublicId): Promise<Hold> {
  const payment = await readPayment(deps.pool, paymentId);
  if (payment === undefined || payment.source.type !== 'wallet') throw new PaymentFault('there is no such payment');
  const { tenantId, currency, amount } = payment;
  const { walletId } = payment.source;
  return inTransaction(deps.pool, async (db) => {
    const wallet = await lockWallet(db, tenantId, walletId);
    if (wallet === undefined || wallet.currency !== currency) return { outcome: 'declined', code: 'no_such_wallet' };
    const current = await lockPayment(db, paymentId);
    if (current?.state !== 'pending') return { outcome: 'held' };
    const { available } = await walletBalance(db, wallet);
    if (available < amount) return { outcome: 'declined', code: 'insufficient_funds' };
    await postTransaction(db, {
      tenantId,
      kind: 'wallet_hold',
      externalRef: paymentId,
      currency,
      posting: transferPosting(ACCOUNTS.wallet(walletId), ACCOUNTS.walletHeld(walletId), amount),
      effectiveAt: new Date(),
    });
    await movePayment(db, paymentId, ['pending'], { state: 'authorised' });
    return { outcome: 'held' };
  });
}

/** A payment from a wallet needs review only once its amount is held. */
const HELD: readonly PaymentState[] = ['authorised', 'needs_review'];

/** Gives back what was set aside for a payment that cannot be captured, and ends the payment, once. */
export async function releaseWallet(deps: PaymentDeps, paymentId: PublicId, code: string): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const payment = await lockPayment(db, paymentId);
    if (payment?.source.type !== 'wallet' || !HELD.includes(payment.state)) return undefined;
    const { walletId } = payment.source;
    await postTransaction(db, {
      tenantId: payment.tenantId,
      kind: 'wallet_release',
      externalRef: paymentId,
      currency: payment.currency,
      posting: transferPosting(ACCOUNTS.walletHeld(walletId), ACCOUNTS.wallet(walletId), payment.amount),
      effectiveAt: new Date(),
    });
    return endIn(db, paymentId, 'failed', code);
  });
  await tell(deps, [event]);
}
