import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import {
  ACCOUNTS,
  accountBalance,
  findLedgerTransaction,
  type LedgerKind,
  type LedgerTransaction,
  lockLedgerTransaction,
  opposite,
  postTransaction,
} from '../ledger';
import { PaymentRefusal } from './refusals';
import { lockWallet } from './store/wallets';

/**
 * Kinds that are posted by hand, and the kind of their reversal. Payments and settlements are never reversed in the
 * ledger alone.
 */
const BY_HAND: ReadonlyMap<LedgerKind, LedgerKind> = new Map<LedgerKind, LedgerKind>([
  ['adjustment', 'adjustment'],
  ['wallet_credit', 'wallet_credit_reversal'],
]);

/**
 * Reverses an adjustment or a wallet credit: posts its opposite, once, with an entry in the audit log. It is here
 * because the ledger does not know wallets.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @returns the reversal
 * @throws PaymentRefusal when there is no such transaction, or it cannot be reversed by hand, or no longer
 */
export async function reverseTransaction(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  id: PublicId,
  reason: string,
): Promise<LedgerTransaction> {
  const { tenantId, keyId } = effect;
  const reversalId = await inTransaction(pool, async (db) => {
    await effect.fence(db);
    const reversal = await postOpposite(db, tenantId, id, asId('adj', effect.effectId));
    if (reversal.posted) {
      const payload = { transactionId: id, reversalId: reversal.id, reason };
      await appendAudit(db, tenantId, { actor: keyId, action: 'ledger.reversed', subject: id, payload });
    }
    return reversal.id;
  });
  const reversal = await findLedgerTransaction(pool, tenantId, reversalId);
  if (reversal === undefined) throw new Error('the reversal was posted but not found');
  return reversal;
}

/** @param externalRef - what the reversal is made for; a repeat with it returns the first one */
async function postOpposite(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  externalRef: string,
): Promise<{ id: PublicId; posted: boolean }> {
  const original = await lockLedgerTransaction(db, tenantId, id);
  if (original === undefined) throw new PaymentRefusal('not-found');
  const kind = BY_HAND.get(original.kind);
  if (kind === undefined || original.reversesId !== undefined) {
    const detail =
      `A transaction of type ${original.kind} is not taken back by hand, nor is a reversal: refund a payment, ` +
      'adjust what a merchant is owed.';
    throw new PaymentRefusal('not-by-hand', detail);
  }
  if (original.reversedById !== undefined) {
    const known = await findLedgerTransaction(db, tenantId, original.reversedById);
    if (known?.externalRef === externalRef) return { id: known.id, posted: false };
    throw new PaymentRefusal('already-reversed', `It is reversed already, by ${original.reversedById}.`);
  }
  if (!(await hasWhatItTakes(db, tenantId, original))) {
    throw new PaymentRefusal('spent', 'The wallet has less than was put in; only what is there goes back.');
  }
  return postTransaction(db, {
    tenantId,
    kind,
    externalRef,
    currency: original.currency,
    posting: opposite(original),
    ...(original.merchantId === undefined ? {} : { merchantId: original.merchantId }),
    reversesId: original.id,
    effectiveAt: new Date(),
  });
}

/** A wallet is never overdrawn: a credit can be reversed only while the money is there. */
async function hasWhatItTakes(db: Queryable, tenantId: PublicId, original: LedgerTransaction): Promise<boolean> {
  for (const { account, amount } of original.entries) {
    const walletId = account.startsWith(WALLET) ? account.slice(WALLET.length) : undefined;
    if (walletId === undefined) continue;
    await lockWallet(db, tenantId, walletId);
    const available = -(await accountBalance(db, { tenantId, code: account, currency: original.currency }));
    if (available < -amount) return false;
  }
  return true;
}

const WALLET = ACCOUNTS.wallet('');
