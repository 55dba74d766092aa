import type { Pool } from 'pg';
import { asId, isId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { type Approval, type ApprovalsConfig, type Commands, keepForApproval, needsAnotherKey } from '../approvals';
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

/** Its name among the commands that may need another API key, and that of what it does in the audit log. */
const REVERSE = 'ledger.reverse';
const REVERSED = 'ledger.reversed';

/**
 * Reverses an adjustment or a wallet credit: posts its opposite, once, with an entry in the audit log. It is here
 * because the ledger does not know wallets. An adjustment that needed another API key needs one again.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @returns the reversal
 * @throws PaymentRefusal when there is no such transaction, or it cannot be reversed by hand, or no longer
 */
export async function reverseTransaction(
  { pool, config }: { pool: Pool; config: ApprovalsConfig },
  effect: Effect & { keyId: PublicId },
  id: PublicId,
  reason: string,
): Promise<LedgerTransaction | { waits: Approval }> {
  const { tenantId, keyId } = effect;
  const done = await inTransaction(pool, async (db) => {
    await effect.fence(db);
    const original = await reversible(db, tenantId, id);
    const amount = original.entries.reduce((sum, entry) => (entry.amount > 0n ? sum + entry.amount : sum), 0n);
    if (original.kind === 'adjustment' && original.reversedById === undefined && needsAnotherKey(config, amount)) {
      const { currency } = original;
      const command = { action: REVERSE, subject: id, amount, currency, input: { transactionId: id, reason } };
      return { waits: await keepForApproval(db, effect, command) };
    }
    const reversal = await postOpposite(db, tenantId, original, asId('adj', effect.effectId));
    if (reversal.posted) {
      const payload = { transactionId: id, reversalId: reversal.id, reason };
      await appendAudit(db, tenantId, { actor: keyId, action: REVERSED, subject: id, payload });
    }
    return { reversalId: reversal.id };
  });
  if (done.waits !== undefined) return { waits: done.waits };
  const reversal = await findLedgerTransaction(pool, tenantId, done.reversalId);
  if (reversal === undefined) throw new Error('the reversal was posted but not found');
  return reversal;
}

/** Reversals that another API key has approved. */
export function reversalCommands(): Commands {
  return {
    [REVERSE]: async (db, { id, tenantId, subject }) => {
      const original = isId('ltx', subject) ? await reversible(db, tenantId, subject) : undefined;
      if (original === undefined) throw new PaymentRefusal('not-found');
      const reversal = await postOpposite(db, tenantId, original, asId('adj', id));
      return { action: REVERSED, audit: { reversalId: reversal.id } };
    },
  };
}

/** A transaction that was posted by hand, locked. */
async function reversible(db: Queryable, tenantId: PublicId, id: PublicId): Promise<LedgerTransaction> {
  const original = await lockLedgerTransaction(db, tenantId, id);
  if (original === undefined) throw new PaymentRefusal('not-found');
  if (!BY_HAND.has(original.kind) || original.reversesId !== undefined) {
    const detail =
      `A transaction of type ${original.kind} is not taken back by hand, nor is a reversal: refund a payment, ` +
      'adjust what a merchant is owed.';
    throw new PaymentRefusal('not-by-hand', detail);
  }
  return original;
}

/** @param externalRef - what the reversal is made for; a repeat with it returns the first one */
async function postOpposite(
  db: Queryable,
  tenantId: PublicId,
  original: LedgerTransaction,
  externalRef: string,
): Promise<{ id: PublicId; posted: boolean }> {
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
    kind: BY_HAND.get(original.kind) ?? original.kind,
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
