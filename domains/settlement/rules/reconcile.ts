/** What a transaction or a line of a file turned out to be. */
export const RECONCILIATION_STATUSES = [
  'matched',
  'missing_internal',
  'missing_external',
  'amount_mismatch',
  'currency_mismatch',
  'duplicate',
] as const;
export type ReconciliationStatus = (typeof RECONCILIATION_STATUSES)[number];

/** Kinds of transactions that belong to a day. */
export const ITEM_KINDS = [
  'capture',
  'refund',
  'refund_reversal',
  'chargeback',
  'chargeback_reversal',
  'adjustment',
] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** Kinds of what a file may name: transactions of a day, payouts, and payouts that came back. */
export const RECONCILED_KINDS = [...ITEM_KINDS, 'payout', 'payout_return'] as const;
export type ReconciledKind = (typeof RECONCILED_KINDS)[number];

/**
 * How sure it is that a line and a transaction are the same:
 *
 * - `exact`: by one of its names, as we or the provider wrote it;
 * - `high`: by such a name with other case, spaces or punctuation, or with words around it;
 * - `medium`: by the beginning of such a name, at least 20 characters that only one transaction has;
 * - `low`: by the digits of such a name, at least eight that only one transaction has.
 */
export const CONFIDENCES = ['exact', 'high', 'medium', 'low'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

/** The tolerated discrepancy: less than a thousandth of the file's total. */
const TOLERANCE = 1_000n;

/**
 * Whether what does not match is little enough: nothing, or less than 0.1 % of the file's total. What is missing on one
 * side never makes up for what is missing on the other. In integers, so there is no rounding to argue about.
 *
 * @param discrepancy - the differences of all lines and transactions, added up without their signs
 */
export function isWithinTolerance(discrepancy: bigint, external: bigint): boolean {
  return discrepancy === 0n || discrepancy * TOLERANCE < magnitude(external);
}

const OUTGOING: readonly (ReconciledKind | undefined)[] = ['refund', 'chargeback', 'payout'];

/** An amount as the merchant sees it: refunds, chargebacks and payouts without a sign are negative. */
export function signedAmount(kind: ReconciledKind | undefined, amount: bigint): bigint {
  return OUTGOING.includes(kind) && amount > 0n ? -amount : amount;
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
