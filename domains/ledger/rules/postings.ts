import type { PublicId } from '../../../core/ids';
import type { Fee } from '../../merchants/rules/fees';

export type AccountType = 'asset' | 'liability' | 'revenue' | 'expense';

/** One side of a transaction. */
export interface Entry {
  /** Such as `psp_clearing` or `merchant_pending:mer_…`. */
  account: string;
  /** Minor units; a debit is positive, a credit negative. Never 0. */
  amount: bigint;
}

export type LedgerKind =
  | 'capture'
  | 'refund'
  | 'refund_reversal'
  | 'refund_write_off'
  | 'refund_write_off_reversal'
  | 'chargeback'
  | 'chargeback_reversal'
  | 'adjustment'
  | 'correction'
  | 'wallet_credit'
  | 'wallet_credit_reversal'
  | 'wallet_hold'
  | 'wallet_release'
  | 'settlement'
  | 'payout'
  | 'payout_paid';

/** What a transaction means for a merchant's settlement, signed as the merchant sees it; charged fees are positive. */
export interface SettlementEffect {
  gross: bigint;
  fee: bigint;
  feeTax: bigint;
}

/** Entries that add up to 0, and what they mean for the merchant's settlement. */
export interface Posting {
  entries: Entry[];
  settlement: SettlementEffect | undefined;
}

/** The accounts. Money that a provider holds for us, or that is on its way, is an asset; what we owe is a liability. */
export const ACCOUNTS = {
  pspClearing: 'psp_clearing',
  bankInTransit: 'bank_in_transit',
  bank: 'bank',
  walletFunding: 'wallet_funding',
  walletGoodwill: 'wallet_goodwill',
  feeRevenue: 'fee_revenue',
  feeTax: 'fee_tax',
  adjustments: 'adjustments',
  reviewLosses: 'review_losses',
  differences: 'settlement_differences',
  imbalance: 'ledger_imbalance',
  merchantPending: (merchant: PublicId) => `merchant_pending:${merchant}`,
  merchantPayable: (merchant: PublicId) => `merchant_payable:${merchant}`,
  merchantReserve: (merchant: PublicId) => `merchant_reserve:${merchant}`,
  wallet: (wallet: PublicId) => `wallet:${wallet}`,
  walletHeld: (wallet: PublicId) => `wallet_held:${wallet}`,
} as const;

const TYPES: Readonly<Record<string, AccountType>> = {
  psp_clearing: 'asset',
  bank_in_transit: 'asset',
  bank: 'asset',
  wallet_funding: 'asset',
  fee_revenue: 'revenue',
  adjustments: 'expense',
  review_losses: 'expense',
  wallet_goodwill: 'expense',
  settlement_differences: 'expense',
  ledger_imbalance: 'expense',
};

/** The type of an account by its code. */
export function accountType(code: string): AccountType {
  return TYPES[code] ?? 'liability';
}

/**
 * A capture: the source owes the amount, the merchant gets it less the fee and its tax.
 *
 * @param source - `psp_clearing`, or a wallet's held money
 */
export function capturePosting(source: string, merchant: PublicId, amount: bigint, { fee, tax }: Fee): Posting {
  return {
    entries: nonZero([
      { account: source, amount },
      { account: ACCOUNTS.merchantPending(merchant), amount: -(amount - fee - tax) },
      { account: ACCOUNTS.feeRevenue, amount: -fee },
      { account: ACCOUNTS.feeTax, amount: -tax },
    ]),
    settlement: { gross: amount, fee, feeTax: tax },
  };
}

/** A capture of which only a part, or nothing, was taken: the merchant gets all of it, the business bears the rest. */
export function writtenOffCapturePosting(
  merchant: PublicId,
  { amount, taken }: { amount: bigint; taken: bigint },
  fee: Fee,
): Posting {
  const { entries, settlement } = capturePosting(ACCOUNTS.reviewLosses, merchant, amount, fee);
  const back = nonZero([{ account: ACCOUNTS.pspClearing, amount: taken }]);
  const lost = entries.map((entry) =>
    entry.account === ACCOUNTS.reviewLosses ? { ...entry, amount: amount - taken } : entry,
  );
  return { entries: nonZero([...back, ...lost]), settlement };
}

/** A refund to where the money came from: `psp_clearing`, or a wallet; `returned` is the part of the fee that goes back. */
export function refundPosting(target: string, merchant: PublicId, amount: bigint, returned: Fee): Posting {
  return {
    entries: nonZero([
      { account: target, amount: -amount },
      { account: ACCOUNTS.merchantPending(merchant), amount: amount - returned.fee - returned.tax },
      { account: ACCOUNTS.feeRevenue, amount: returned.fee },
      { account: ACCOUNTS.feeTax, amount: returned.tax },
    ]),
    settlement: { gross: -amount, fee: -returned.fee, feeTax: -returned.tax },
  };
}

/** A refund that was made, or may have been, and that the business bears itself: nothing is taken from the merchant. */
export function refundWriteOffPosting(target: string, amount: bigint): Posting {
  return transferPosting(ACCOUNTS.reviewLosses, target, amount);
}

/** A chargeback: the provider took the amount back, and the merchant pays a fee for it. */
export function chargebackPosting(merchant: PublicId, amount: bigint, { fee, tax }: Fee): Posting {
  return {
    entries: nonZero([
      { account: ACCOUNTS.pspClearing, amount: -amount },
      { account: ACCOUNTS.merchantPending(merchant), amount: amount + fee + tax },
      { account: ACCOUNTS.feeRevenue, amount: -fee },
      { account: ACCOUNTS.feeTax, amount: -tax },
    ]),
    settlement: { gross: -amount, fee, feeTax: tax },
  };
}

/** A chargeback that was won: the opposite of {@link chargebackPosting}. */
export function chargebackReversalPosting(merchant: PublicId, amount: bigint, charged: Fee): Posting {
  return opposite(chargebackPosting(merchant, amount, charged));
}

/** A correction by hand: positive gives to the merchant, negative takes. */
export function adjustmentPosting(merchant: PublicId, amount: bigint): Posting {
  return {
    entries: nonZero([
      { account: ACCOUNTS.adjustments, amount },
      { account: ACCOUNTS.merchantPending(merchant), amount: -amount },
    ]),
    settlement: { gross: amount, fee: 0n, feeTax: 0n },
  };
}

/** Moves money between accounts: debits the first, credits the second. */
export function transferPosting(debit: string, credit: string, amount: bigint): Posting {
  return {
    entries: nonZero([
      { account: debit, amount },
      { account: credit, amount: -amount },
    ]),
    settlement: undefined,
  };
}

/** The posting that reverses another. */
export function opposite({ entries, settlement }: Posting): Posting {
  return {
    entries: entries.map(({ account, amount }) => ({ account, amount: -amount })),
    settlement:
      settlement === undefined
        ? undefined
        : { gross: -settlement.gross, fee: -settlement.fee, feeTax: -settlement.feeTax },
  };
}

function nonZero(entries: Entry[]): Entry[] {
  return entries.filter(({ amount }) => amount !== 0n);
}
