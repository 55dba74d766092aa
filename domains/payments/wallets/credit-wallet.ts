import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, transferPosting } from '../../ledger';
import { PaymentRefusal } from '../refusals';
import { findWallet, type WalletWithBalance, withBalance } from '../store/wallets';

/**
 * Puts money that the tenant received elsewhere into a wallet, once per effect.
 *
 * @param amount - minor units of the wallet's currency
 * @throws PaymentRefusal when there is no such wallet
 */
export async function creditWallet(
  { pool }: { pool: Pool },
  { tenantId, effectId, fence }: Effect,
  walletId: PublicId,
  amount: bigint,
): Promise<WalletWithBalance> {
  const wallet = await findWallet(pool, tenantId, walletId);
  if (wallet === undefined) throw new PaymentRefusal('not-found');
  await inTransaction(pool, async (db) => {
    await fence(db);
    await postTransaction(db, {
      tenantId,
      kind: 'wallet_credit',
      externalRef: effectId,
      currency: wallet.currency,
      posting: transferPosting(ACCOUNTS.walletFunding, ACCOUNTS.wallet(walletId), amount),
      effectiveAt: new Date(),
    });
  });
  return withBalance(pool, wallet);
}
