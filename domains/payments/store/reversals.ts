import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import {
  ACCOUNTS,
  accountBalance,
  findLedgerTransaction,
  type LedgerKind,
  type LedgerTransaction,
  opposite,
  postTransaction,
} from '../../ledger';
import { lockWallet } from './wallets';

/** What became of a wish to take a transaction back. */
export type Reversal =
  | { outcome: 'reversed'; id: PublicId; original: LedgerTransaction; posted: boolean }
  | { outcome: 'unknown' }
  /** Payments and settlements are taken back by what they belong to, never in the ledger alone. */
  | { outcome: 'not-by-hand'; kind: LedgerKind }
  | { outcome: 'already'; by: PublicId }
  | { outcome: 'spent' };

/** Kinds that are posted by hand, and what their opposite is called. */
const BY_HAND: ReadonlyMap<LedgerKind, LedgerKind> = new Map<LedgerKind, LedgerKind>([
  ['adjustment', 'adjustment'],
  ['wallet_credit', 'wallet_credit_reversal'],
]);

/**
 * Posts the opposite of a transaction, once.
 *
 * @param db - one connection inside a transaction; the original stays locked to its end
 * @param externalRef - what the reversal is made for; a repetition with it answers with the first one
 */
export async function reverseTransaction(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  externalRef: string,
  effectiveAt: Date,
): Promise<Reversal> {
  await db.query({
    name: 'lock-ledger-transaction',
    text: 'SELECT FROM ledger_transactions WHERE id = $1 AND tenant_id = $2 FOR UPDATE',
    values: [toUuid(id), toUuid(tenantId)],
  });
  const original = await findLedgerTransaction(db, tenantId, id);
  if (original === undefined) return { outcome: 'unknown' };
  const kind = BY_HAND.get(original.kind);
  if (kind === undefined || original.reversesId !== undefined) return { outcome: 'not-by-hand', kind: original.kind };
  if (original.reversedById !== undefined) {
    const known = await findLedgerTransaction(db, tenantId, original.reversedById);
    if (known?.externalRef !== externalRef) return { outcome: 'already', by: original.reversedById };
    return { outcome: 'reversed', id: known.id, original, posted: false };
  }
  if (!(await hasWhatItTakes(db, tenantId, original))) return { outcome: 'spent' };
  const { id: reversal, posted } = await postTransaction(db, {
    tenantId,
    kind,
    externalRef,
    currency: original.currency,
    posting: opposite(original),
    ...(original.merchantId === undefined ? {} : { merchantId: original.merchantId }),
    reversesId: original.id,
    effectiveAt,
  });
  return { outcome: 'reversed', id: reversal, original, posted };
}

/** A wallet never owes: what was put in can be taken back only while it is there. */
async function hasWhatItTakes(db: Queryable, tenantId: PublicId, original: LedgerTransaction): Promise<boolean> {
  for (const { account, amount } of original.entries) {
    const walletId = account.startsWith(WALLET) ? account.slice(WALLET.length) : undefined;
    if (walletId === undefined) continue;
    await lockWallet(db, tenantId, walletId);
    const available = -(await accountBalance(db, tenantId, account, original.currency));
    if (available < -amount) return false;
  }
  return true;
}

const WALLET = ACCOUNTS.wallet('');
