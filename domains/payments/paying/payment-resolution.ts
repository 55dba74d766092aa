import { parseMinorUnits } from '../../../core/money';
import { PaymentRefusal } from '../refusals';
import type { Payment } from '../store/payments';

/** The command's name in approvals and in the audit log. */
export const RESOLVE_PAYMENT = 'payment.resolve';

/** What a person has found out about a payment that needs review. */
export type PaymentResolution =
  /** The provider took `amount` of it, all or a part, and keeps it. */
  | { as: 'captured'; amount: bigint; chargeId: string }
  /** The provider holds nothing for it, or no longer: it was voided, or refunded outside of Waybill. */
  | { as: 'voided' | 'refunded_outside' }
  /** The provider took `amount`, which may be less than what the merchant is owed: the business bears the rest. */
  | { as: 'written_off'; amount: bigint; chargeId: string | undefined };

/** @throws PaymentRefusal when the payment cannot be resolved so */
export function judgeResolution({ state, amount, source }: Payment, resolution: PaymentResolution): void {
  if (state !== 'needs_review') {
    throw new PaymentRefusal('needs-no-review', `The payment needs no review: it is ${state}.`);
  }
  if (!('amount' in resolution)) return;
  if (source.type === 'wallet') {
    throw new PaymentRefusal('needs-no-review', 'A payment from a wallet is resumed, not resolved: its money is here.');
  }
  if (resolution.amount > amount) {
    throw new PaymentRefusal('more-than-left', `is more than the payment's amount, ${amount}`, { field: ['amount'] });
  }
}

/** The resolution as JSON. */
export function statedResolution(resolution: PaymentResolution): object {
  return 'amount' in resolution ? { ...resolution, amount: resolution.amount.toString() } : resolution;
}

/** A resolution that {@link statedResolution} wrote. */
export function readResolution(input: unknown): PaymentResolution {
  const { as, amount: text, chargeId } = input as { as: PaymentResolution['as']; amount?: string; chargeId?: string };
  if (as === 'voided' || as === 'refunded_outside') return { as };
  const amount = parseMinorUnits(text ?? '') ?? 0n;
  return as === 'captured' ? { as, amount, chargeId: chargeId ?? '' } : { as, amount, chargeId };
}
