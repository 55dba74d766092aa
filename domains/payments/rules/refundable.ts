/** A captured payment, as far as it is about giving money back. */
export interface Refundable {
  amount: bigint;
  /** The part that refunds have given back or are giving back. */
  refundReserved: bigint;
}

/** What was taken for a payment. */
export function capturedOf({ amount }: Pick<Refundable, 'amount'>): bigint {
  return amount;
}

/**
 * What may still be refunded.
 *
 * @param blocked - what is in dispute, or was lost
 */
export function leftToRefund(payment: Refundable, blocked: bigint): bigint {
  const left = capturedOf(payment) - payment.refundReserved - blocked;
  return left > 0n ? left : 0n;
}
