/** A refund as the provider has it. */
export interface ReportedRefund {
  id: string;
  /** Our name for it: the refund's id. */
  reference: string;
  state: 'pending' | 'succeeded' | 'failed';
  /** Minor units: what goes back, which may be another amount than was asked for. */
  amount: bigint;
  /** `undefined` from a provider that refunds in the charge's currency and does not say so. */
  currency: string | undefined;
  /** Why it failed. */
  code: string | undefined;
  at: Date;
}

/** What a refund asks the provider for. */
export interface AskedRefund {
  id: string;
  amount: bigint;
  currency: string;
}

/** A refund at the provider, as it is kept for a person to look at. */
export interface RefundSays {
  refundId: string;
  reference: string;
  state: ReportedRefund['state'];
  amount: string;
  currency: string | null;
}

/**
 * How a refund stands at the provider. `differs`: money goes back, but not this refund's amount, currency or reference, or
 * more than once.
 */
export type RefundStanding =
  | { state: 'none' }
  | { state: 'pending'; refund: ReportedRefund }
  | { state: 'refunded'; refund: ReportedRefund }
  | { state: 'failed'; refund: ReportedRefund; code: string }
  | { state: 'differs'; code: RefundDifference; says: RefundSays[] };

export type RefundDifference = 'amount_mismatch' | 'refunded_twice';

/** Compares all refunds that the provider has of a reference with what was asked for. */
export function refundStanding(reported: readonly ReportedRefund[], asked: AskedRefund): RefundStanding {
  const moving = reported.filter(({ state }) => state !== 'failed');
  const [refund] = moving;
  if (refund === undefined) {
    const failed = reported.at(-1);
    return failed === undefined
      ? { state: 'none' }
      : { state: 'failed', refund: failed, code: failed.code ?? 'refund_failed' };
  }
  if (moving.length > 1) return { state: 'differs', code: 'refunded_twice', says: moving.map(saysOfRefund) };
  if (!isAsAsked(refund, asked)) return { state: 'differs', code: 'amount_mismatch', says: [saysOfRefund(refund)] };
  return refund.state === 'pending' ? { state: 'pending', refund } : { state: 'refunded', refund };
}

/** Whether the provider has what was asked for: reference, amount and currency. */
export function isAsAsked(refund: ReportedRefund, { id, amount, currency }: AskedRefund): boolean {
  return refund.reference === id && refund.amount === amount && (refund.currency ?? currency) === currency;
}

export function saysOfRefund({ id, reference, state, amount, currency }: ReportedRefund): RefundSays {
  return { refundId: id, reference, state, amount: amount.toString(), currency: currency ?? null };
}

/** Whether the provider said just this before. */
export function saidBefore(before: readonly RefundSays[] | undefined, says: readonly RefundSays[]): boolean {
  const known = (one: RefundSays) =>
    before?.some(
      (other) =>
        other.refundId === one.refundId &&
        other.reference === one.reference &&
        other.state === one.state &&
        other.amount === one.amount &&
        other.currency === one.currency,
    ) === true;
  return says.every(known);
}
