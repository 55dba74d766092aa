/** A captured payment, as far as it is about giving money back. */
export interface Refundable {
  amount: bigint;
  /** What was captured, where that is less. */
  capturedAmount?: bigint | undefined;
  /** The part that refunds have given back or are giving back. */
  refundReserved: bigint;
}

/** What was taken for a payment. */
export function capturedOf({ amount, capturedAmount }: Pick<Refundable, 'amount' | 'capturedAmount'>): bigint {
  return capturedAmount ?? amount;
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
