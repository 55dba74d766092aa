import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { ProviderUnavailable } from '../provider/provider';
import { PaymentFault } from '../rules/errors';
import type { RefundDone, RefusedForGood } from '../rules/payment-flow';
import { readRefund } from '../store/refunds';
import { carryOnRefund } from './carry-on-refund';

/**
 * The steps of runs of `refund` that began before it was carried on by its row: each carries it on as the runs of today do,
 * and says what came of it in the words that those runs know.
 */
async function carriedOn(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | RefusedForGood> {
  const end = await carryOnRefund(deps, refundId, { lastUnclear: false, lastPending: false });
  const refund = await readRefund(deps.pool, refundId);
  if (refund?.state === 'failed') return { state: 'refused', code: refund.failureCode ?? 'unknown' };
  // They end here, and those of them that want to record what they believe change nothing.
  if (end.outcome === 'ended') {
    const at = refund?.refundedAt ?? new Date();
    return { state: 'refunded', providerReference: refund?.providerReference ?? '', refundedAt: at.toISOString() };
  }
  throw new ProviderUnavailable(end.story);
}

export const callRefund = carriedOn;

export async function lookUpRefund(deps: PaymentDeps, refundId: PublicId): Promise<RefundDone | { state: 'none' }> {
  const found = await carriedOn(deps, refundId);
  return found.state === 'refunded' ? found : { state: 'none' };
}

/** @throws PaymentFault when there is no such refund */
export async function recordRefund(deps: PaymentDeps, refundId: PublicId): Promise<void> {
  const refund = await readRefund(deps.pool, refundId);
  if (refund === undefined) throw new PaymentFault('there is no such refund');
  if (refund.state === 'pending') await carriedOn(deps, refundId);
}

/** What is carried on by its row fails by its row. */
export async function failRefund(deps: PaymentDeps, refundId: PublicId): Promise<void> {
  const refund = await readRefund(deps.pool, refundId);
  if (refund?.state === 'pending') throw new PaymentFault('the refund may have been made');
}
