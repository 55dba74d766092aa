import { PermanentError } from '../../../core/permanent-error';
import { inTransaction } from '../../../infra/postgres/pool';
import { ACCOUNTS, postTransaction, transferPosting } from '../../ledger';
import type { EventOutbox } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { applyResults, type PaymentResult } from '../paying/apply-results';
import { recordResult } from '../paying/record-result';
import { PaymentFault } from '../rules/errors';
import { isEnded, PAYMENT_MOVES } from '../rules/payment-states';
import { lockPayment, type Payment } from '../store/payments';
import { lockWallet, withBalance } from '../store/wallets';
import { storingEvents } from '../tell-events';
import { releaseWallet } from './release-wallet';

/**
 * Pays from a wallet: sets the money aside and captures it in one transaction, once.
 *
 * @returns the payment: captured, declined for want of money, or failed because it cannot be posted
 */
export async function payFromWallet(deps: PaymentDeps, payment: Payment, outbox?: EventOutbox): Promise<Payment> {
  const paid = await storingEvents(deps, outbox, (store) =>
    inTransaction(deps.pool, async (db) => {
      const { source, tenantId, id } = payment;
      if (source.type !== 'wallet') throw new PaymentFault('only a wallet is paid from');
      const wallet = await lockWallet(db, tenantId, source.walletId);
      const current = await lockPayment(db, id);
      if (current === undefined || isEnded(current)) return current;
      const ended = (code: string): PaymentResult => ({ kind: 'ended', payment, move: 'decline', code });
      let result: PaymentResult = { kind: 'captured', payment };
      if (wallet === undefined || wallet.currency !== payment.currency) result = ended('no_such_wallet');
      // `authorised`: an earlier version has set the money aside.
      else if (current.state === 'pending') {
        const { available } = await withBalance(db, wallet);
        if (available < payment.amount) result = ended('insufficient_funds');
        else await postTransaction(db, holdOf(payment, source.walletId));
      }
      const [outcome] = await applyResults(db, [result], store);
      // Nothing is set aside for what cannot be captured.
      if (outcome instanceof PaymentFault) throw outcome;
      return outcome;
    }),
  ).catch((error: unknown) => {
    if (error instanceof PermanentError) return undefined;
    throw error;
  });
  return paid ?? refusedPosting(deps, payment);
}

function holdOf({ tenantId, id, currency, amount }: Payment, walletId: Parameters<typeof ACCOUNTS.wallet>[0]) {
  return {
    tenantId,
    kind: PAYMENT_MOVES.hold.posts,
    externalRef: id,
    currency,
    posting: transferPosting(ACCOUNTS.wallet(walletId), ACCOUNTS.walletHeld(walletId), amount),
    effectiveAt: new Date(),
  };
}

async function refusedPosting(deps: PaymentDeps, payment: Payment): Promise<Payment> {
  if (payment.state === 'authorised') await releaseWallet(deps, payment.id, 'posting_refused');
  // Of a payment that was just released, this only reads how it ended.
  return recordResult(deps, { kind: 'ended', payment, move: 'fail', code: 'posting_refused' });
}
