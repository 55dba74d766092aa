import type { CarryOutReview } from '../approvals/review-command';
import { PaymentRefusal } from '../refusals';
import { capturedOf } from '../rules/refundable';
import { REFUND_RESOLUTIONS, type RefundResolution } from '../rules/resolutions';
import { readRefund } from '../store/refunds';
import { bookRefund, lockRefundCase, type RefundCase, type RefundTarget } from './book-refund';
import { tellMove } from './move-refund';

/** The action of `resolveRefund`. */
export const RESOLVE_REFUND = 'refund.resolve';

const MOVES = { refunded: 'settle', not_refunded: 'letGo', written_off: 'writeOff' } as const;

/** Carries out what a person decided about a refund: state, payment, order, ledger and event. */
export const carryOutRefund: CarryOutReview = async (_deps, db, { tenantId, subject, input }) => {
  const resolution = REFUND_RESOLUTIONS.parse(input);
  const known = await readRefund(db, subject);
  if (known === undefined || known.tenantId !== tenantId) throw new PaymentRefusal('not-found');
  const found = await lockRefundCase(db, known);
  const { refund } = found;
  if (refund.state !== 'needs_review') {
    throw new PaymentRefusal('needs-no-review', `The refund needs no review: it is ${refund.state}.`);
  }
  const target = targetOf(found, resolution);
  const at = new Date();
  await bookRefund(db, found, target, at);
  const moved = await tellMove(db, found, MOVES[resolution.as], {
    ...(resolution.as === 'not_refunded' ? { failureCode: 'not_refunded' } : {}),
    providerReference: resolution.providerReference,
    ...(resolution.as === 'refunded' ? { refundedAt: at } : {}),
  });
  const audit = {
    to: moved.refund.state,
    refunded: { from: String(refund.bookedAmount), to: String(target.amount) },
    writtenOff: { from: String(refund.writtenOffAmount), to: String(target.writtenOff) },
  };
  return { events: [moved.event], audit };
};

function targetOf({ refund, payment }: RefundCase, { as, amount }: RefundResolution): RefundTarget {
  if (as === 'not_refunded') return { amount: 0n, writtenOff: 0n, reserved: 0n };
  const wanted = amount ?? refund.amount;
  // The business may lose more than the payment, such as when it was refunded twice; the merchant never does.
  if (as === 'written_off') return { amount: 0n, writtenOff: wanted, reserved: refund.reserved };
  const left = capturedOf(payment) - (payment.refundReserved - refund.reserved);
  if (wanted > left) {
    const detail = `is more than is left of the payment beside its other refunds, ${left}: write the refund off instead`;
    throw new PaymentRefusal('more-than-left', detail, { field: ['amount'] });
  }
  return { amount: wanted, writtenOff: 0n, reserved: wanted };
}
