import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { ACCOUNTS, postTransaction } from '../ledger';
import { type StoredEvent, storeEvent } from '../webhooks';
import { settlementEvent } from './event-payloads';
import { markPaid, markReturned, type Payout, postPaid } from './store/payouts';
import type { ReportedPayout } from './store/reconciliation';

/** What a bank's file says of payouts. */
export interface BankReport {
  tenantId: PublicId;
  reconciliationId: PublicId;
  payouts: readonly ReportedPayout[];
}

/** What was news, and the events to deliver once the transaction is committed. */
export interface ReportedPayouts {
  paid: Payout[];
  returned: Payout[];
  events: StoredEvent[];
}

/**
 * Books what the bank says of payouts, each once: one that went out clears `bank_in_transit`; one that came back is owed
 * to the merchant again. That is booked like any correction, so the merchant's next statement has it, and pays it out
 * again unless the merchant owes more.
 *
 * @param db - one connection inside a transaction
 */
export async function reportPayouts(db: Queryable, report: BankReport): Promise<ReportedPayouts> {
  const { tenantId, reconciliationId, payouts } = report;
  const at = new Date();
  const idsOf = (kind: ReportedPayout['kind']) => payouts.filter((one) => one.kind === kind).map(({ id }) => id);
  const paid = await markPaid(db, { tenantId, reconciliationId, at, ids: idsOf('payout') });
  if (paid.length > 0) {
    const ids = paid.map(({ id }) => id);
    await postPaid(db, tenantId, ids, at);
  }
  const returned = await markReturned(db, { tenantId, reconciliationId, at, ids: idsOf('payout_return') });
  const events: StoredEvent[] = [];
  for (const payout of returned) {
    await postReturn(db, tenantId, payout, at);
    events.push(await storeReturned(db, tenantId, payout));
  }
  return { paid, returned, events };
}

async function postReturn(db: Queryable, tenantId: PublicId, payout: Payout, at: Date): Promise<void> {
  const { id, merchantId, amount, currency } = payout;
  await postTransaction(db, {
    tenantId,
    kind: 'adjustment',
    externalRef: id,
    currency,
    posting: {
      entries: [
        { account: ACCOUNTS.bank, amount },
        { account: ACCOUNTS.merchantPending(merchantId), amount: -amount },
      ],
      settlement: { gross: amount, fee: 0n, feeTax: 0n },
    },
    merchantId,
    effectiveAt: at,
  });
}

function storeReturned(db: Queryable, tenantId: PublicId, payout: Payout): Promise<StoredEvent> {
  const payload = {
    payoutId: payout.id,
    merchantId: payout.merchantId,
    currency: payout.currency,
    amount: String(payout.amount),
    date: payout.businessDate,
  };
  return storeEvent(db, settlementEvent(tenantId, 'settlement.payout_returned', payout.id, payload));
}
