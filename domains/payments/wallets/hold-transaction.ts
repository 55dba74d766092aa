import type { PublicId } from '../../../core/ids';
import { ACCOUNTS, type NewLedgerTransaction, transferPosting } from '../../ledger';
import { PAYMENT_MOVES } from '../rules/payment-states';
import type { Payment } from '../store/payments';

/** Sets a payment's amount aside in its wallet. */
export function holdTransaction(
  { tenantId, id, currency, amount }: Pick<Payment, 'tenantId' | 'id' | 'currency' | 'amount'>,
  walletId: PublicId,
): NewLedgerTransaction {
  return {
    tenantId,
    kind: PAYMENT_MOVES.hold.posts,
    externalRef: id,
    currency,
    posting: transferPosting(ACCOUNTS.wallet(walletId), ACCOUNTS.walletHeld(walletId), amount),
    effectiveAt: new Date(),
  };
}
