import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { StoreEvents } from '../../webhooks';
import { applyResults, type PaymentResult } from '../paying/apply-results';
import { PaymentFault } from '../rules/errors';
import { isEnded } from '../rules/payment-states';
import type { Payment } from '../store/payments';
import { lockWallets, type WalletWithBalance } from '../store/wallets';

/**
 * Pays from wallets, within the caller's transaction: each payment in turn has its money set aside and captured, or is
 * declined because too little is left in its wallet.
 *
 * @param payments - from wallets, and locked by the caller: their locks come before those of wallets everywhere
 * @returns in their order, as they ended; one that had ended before is left as it is
 * @throws PaymentFault when one cannot be posted. The caller rolls all back: whether the others' wallets have enough
 *   depends on it.
 */
export async function payFromWallets(
  db: Queryable,
  payments: readonly Payment[],
  store: StoreEvents,
): Promise<Payment[]> {
  const open = payments.filter((payment) => !isEnded(payment));
  if (open.length === 0) return [...payments];
  const ids = open.flatMap(({ source }) => (source.type === 'wallet' ? [source.walletId] : []));
  const purses = new Map((await lockWallets(db, ids)).map((wallet) => [wallet.id, { ...wallet }]));
  const outcomes = await applyResults(
    db,
    open.map((payment) => take(purses, payment)),
    store,
  );
  const ended = new Map<PublicId, Payment>();
  for (const outcome of outcomes) {
    if (outcome instanceof PaymentFault) throw outcome;
    ended.set(outcome.id, outcome);
  }
  return payments.map((payment) => ended.get(payment.id) ?? payment);
}

/** What becomes of a payment; what it takes is no longer in the purse. */
function take(purses: ReadonlyMap<PublicId, WalletWithBalance>, payment: Payment): PaymentResult {
  const { source, tenantId, currency, amount } = payment;
  if (source.type !== 'wallet') throw new PaymentFault('only a wallet is paid from');
  const declined = (code: string): PaymentResult => ({ kind: 'ended', payment, move: 'decline', code });
  const purse = purses.get(source.walletId);
  if (purse?.tenantId !== tenantId || purse.currency !== currency) return declined('no_such_wallet');
  // An earlier version has set the money aside.
  if (payment.state === 'authorised') return { kind: 'captured', payment };
  if (purse.available < amount) return declined('insufficient_funds');
  purse.available -= amount;
  return { kind: 'captured', payment, holds: source.walletId };
}
