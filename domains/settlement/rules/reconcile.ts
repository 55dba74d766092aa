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

/** Kinds of transactions that a file may name. */
export const ITEM_KINDS = [
  'capture',
  'refund',
  'refund_reversal',
  'chargeback',
  'chargeback_reversal',
  'adjustment',
] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** The tolerated variance: less than a thousandth of the file's total. */
const TOLERANCE = 1_000n;

/**
 * Whether the ledger's total is close enough to a file's: less than 0.1 % of it away, or equal. In integers, so there
 * is no rounding to argue about.
 */
export function isWithinTolerance(ledger: bigint, external: bigint): boolean {
  const variance = magnitude(ledger - external);
  return variance === 0n || variance * TOLERANCE < magnitude(external);
}

/** An amount as the merchant sees it: refunds and chargebacks without a sign are negative. */
export function signedAmount(kind: ItemKind | undefined, amount: bigint): bigint {
  return (kind === 'refund' || kind === 'chargeback') && amount > 0n ? -amount : amount;
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
