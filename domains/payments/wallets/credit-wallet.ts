import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { ACCOUNTS, postTransaction, transferPosting } from '../../ledger';
import { PaymentRefusal } from '../refusals';
import { findWallet, type WalletWithBalance, withBalance } from '../store/wallets';

/** Where the money in a wallet comes from, and the account that it is posted against. */
export const WALLET_FUNDING = {
  /** The customer paid it to the tenant elsewhere, such as by bank transfer. */
  received: ACCOUNTS.walletFunding,
  /** The tenant gives it: an expense. */
  goodwill: ACCOUNTS.walletGoodwill,
} as const;

export interface WalletCredit {
  walletId: PublicId;
  /** Minor units of the wallet's currency. */
  amount: bigint;
  fundedBy: keyof typeof WALLET_FUNDING;
  reason: string;
}

/**
 * Puts money into a wallet, once per effect, against the account that it comes from and with an entry in the audit log.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws PaymentRefusal when there is no such wallet
 */
export async function creditWallet(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  { walletId, amount, fundedBy, reason }: WalletCredit,
): Promise<WalletWithBalance> {
  const { tenantId, effectId, keyId } = effect;
  const wallet = await findWallet(pool, tenantId, walletId);
  if (wallet === undefined) throw new PaymentRefusal('not-found');
  const { currency } = wallet;
  await inTransaction(pool, async (db) => {
    await effect.fence(db);
    const { id, posted } = await postTransaction(db, {
      tenantId,
      kind: 'wallet_credit',
      externalRef: effectId,
      currency,
      posting: transferPosting(WALLET_FUNDING[fundedBy], ACCOUNTS.wallet(walletId), amount),
      effectiveAt: new Date(),
    });
    if (!posted) return;
    const payload = { transactionId: id, amount: String(amount), currency, fundedBy, reason };
    await appendAudit(db, tenantId, { actor: keyId, action: 'wallet.credited', subject: walletId, payload });
  });
  return withBalance(pool, wallet);
}
