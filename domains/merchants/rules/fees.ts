import { divideHalfEven } from '../../../core/money';

const BPS = 10_000n;

/** A rate for amounts up to and including `upTo` minor units; `null` has no end. */
export interface FeeTier {
  upTo: bigint | null;
  bps: number;
  fixed: bigint;
}

/** What a merchant pays, in minor units and hundredths of a percent (bps). */
export interface FeeTerms {
  bps: number;
  fixed: bigint;
  minFee: bigint | undefined;
  maxFee: bigint | undefined;
  /** Ascending; if there are any, the amount's tier replaces `bps` and `fixed`. */
  tiers: readonly FeeTier[];
  /** Tax on the fee. */
  taxBps: number;
  disputeFee: bigint;
}

/** Terms as answers and the audit log give them. */
export function feeTermsText({ bps, fixed, minFee, maxFee, tiers, taxBps, disputeFee }: FeeTerms) {
  return {
    bps,
    fixed: String(fixed),
    minFee: minFee?.toString() ?? null,
    maxFee: maxFee?.toString() ?? null,
    tiers: tiers.map((tier) => ({ upTo: tier.upTo?.toString() ?? null, bps: tier.bps, fixed: String(tier.fixed) })),
    taxBps,
    disputeFee: String(disputeFee),
  };
}

/** A fee and the tax on it. */
export interface Fee {
  fee: bigint;
  tax: bigint;
}

/** How much of the fee a refund gives back: nothing, or its share. */
export type RefundFeePolicy = 'keep' | 'prorate';

/** The fee of a capture, within the minimum and maximum. Computed once and kept with the transaction. */
export function feeOf(amount: bigint, terms: FeeTerms): Fee {
  const { bps, fixed } = terms.tiers.find((tier) => tier.upTo === null || amount <= tier.upTo) ?? terms;
  let fee = divideHalfEven(amount * BigInt(bps), BPS) + fixed;
  if (terms.minFee !== undefined && fee < terms.minFee) fee = terms.minFee;
  if (terms.maxFee !== undefined && fee > terms.maxFee) fee = terms.maxFee;
  return { fee, tax: taxOn(fee, terms.taxBps) };
}

/** The tax on a fee. */
export function taxOn(fee: bigint, taxBps: number): bigint {
  return divideHalfEven(fee * BigInt(taxBps), BPS);
}

/** A refund and its capture; amounts in minor units. */
export interface RefundOfCapture {
  captured: bigint;
  /** Refunded before this refund. */
  before: bigint;
  /** This refund. */
  amount: bigint;
  policy: RefundFeePolicy;
}

/**
 * The part of a capture's fee that a refund gives back. Shares are taken of the sum refunded so far, so that rounding
 * errors do not add up: a full refund, in however many parts, gives back exactly the fee.
 *
 * @param charged - the capture's fee
 */
export function feeReturned(charged: Fee, { captured, before, amount, policy }: RefundOfCapture): Fee {
  if (policy === 'keep') return { fee: 0n, tax: 0n };
  const share = (part: bigint) => {
    const upTo = (refunded: bigint) => divideHalfEven(part * refunded, captured);
    return upTo(before + amount) - upTo(before);
  };
  return { fee: share(charged.fee), tax: share(charged.tax) };
}
