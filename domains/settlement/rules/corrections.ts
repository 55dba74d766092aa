import type { PublicId } from '../../../core/ids';
import { ACCOUNTS, type Entry, type Posting } from '../../ledger/rules/postings';

/** An item that is not what the ledger has of it: what is missing on each account, in minor units. */
export interface ItemDifference {
  transactionId: PublicId;
  merchantId: PublicId;
  currency: string;
  pending: bigint;
  fee: bigint;
  feeTax: bigint;
  /** What the transaction's entries add up to, which should be 0. */
  total: bigint;
}

/** A merchant's payable account that is not what its statement says: what is missing on it, in minor units. */
export interface PayableDifference {
  merchantId: PublicId;
  currency: string;
  /** Of what was posted before the day's end. */
  opening: bigint;
  /** Of everything, once `opening` is there. */
  closing: bigint;
}

/**
 * Brings the merchant's account, the fees and their tax to what the item says. What that takes stands against
 * `settlement_differences`, which whoever looks into the breach has to explain.
 */
export function itemCorrection({ merchantId, pending, fee, feeTax, total }: ItemDifference): Posting {
  const entries = nonZero([
    { account: ACCOUNTS.merchantPending(merchantId), amount: pending },
    { account: ACCOUNTS.feeRevenue, amount: fee },
    { account: ACCOUNTS.feeTax, amount: feeTax },
    { account: ACCOUNTS.differences, amount: -(pending + fee + feeTax) },
  ]);
  if (entries.length > 0) return { entries, settlement: undefined };
  // Only the other side differs, and nobody can say on which account. That it was looked at is said by a pair of entries
  // of what is missing; it changes no account of anybody.
  const missing = total === 0n ? 1n : total;
  return {
    entries: [
      { account: ACCOUNTS.differences, amount: missing },
      { account: ACCOUNTS.imbalance, amount: -missing },
    ],
    settlement: undefined,
  };
}

/** Brings what is owed to a merchant to what the statement says. */
export function payableCorrection(merchantId: PublicId, missing: bigint): Posting {
  return {
    entries: [
      { account: ACCOUNTS.merchantPayable(merchantId), amount: missing },
      { account: ACCOUNTS.differences, amount: -missing },
    ],
    settlement: undefined,
  };
}

/**
 * Of each currency, what postings move, in minor units; the largest of these sums. Undefined when there are none.
 */
export function largestSum(
  postings: readonly { currency: string; posting: Posting }[],
): { amount: bigint; currency: string } | undefined {
  const sums = new Map<string, bigint>();
  for (const { currency, posting } of postings) {
    const moved = posting.entries.reduce((sum, { amount }) => (amount > 0n ? sum + amount : sum), 0n);
    sums.set(currency, (sums.get(currency) ?? 0n) + moved);
  }
  let largest: { amount: bigint; currency: string } | undefined;
  for (const [currency, amount] of sums)
    if (largest === undefined || amount > largest.amount) largest = { amount, currency };
  return largest;
}

function nonZero(entries: Entry[]): Entry[] {
  return entries.filter(({ amount }) => amount !== 0n);
}
