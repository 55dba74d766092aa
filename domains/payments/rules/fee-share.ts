import { type Fee, feeReturned, type RefundOfCapture } from '../../merchants/rules/fees';

/** A refund whose share of the capture's fee is asked for. */
export interface FeeShare extends RefundOfCapture {
  /** The capture's fee. */
  charged: Fee;
  /** What the payment's other refunds have given back of it. */
  returned: Fee;
}

/**
 * The part of a capture's fee that a refund gives back, by the business's policy. Shares are taken in the order in which
 * refunds are recorded; together they are never more than the fee, also after one of them was taken back.
 */
export function feeShare({ charged, returned, ...refund }: FeeShare): Fee {
  const share = feeReturned(charged, refund);
  const least = (a: bigint, b: bigint) => (a < b ? a : b);
  return {
    fee: least(share.fee, charged.fee - returned.fee),
    tax: least(share.tax, charged.tax - returned.tax),
  };
}
