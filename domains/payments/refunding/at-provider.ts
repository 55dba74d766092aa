import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { leaseOf, mayCall } from '../accepting/lease';
import type { PaymentDeps } from '../deps';
import type { PaymentProvider, ProviderRefund } from '../provider/provider';
import { ProviderRefused } from '../rules/errors';
import { capturedOf } from '../rules/refundable';
import { type RefundStanding, refundStanding } from '../rules/reported-refund';
import { sumChargebacks } from '../store/chargebacks';
import { markRefundCall, markRefusedCall, type RefundLease } from '../store/refund-leases';
import type { Refund } from '../store/refunds';
import { lockRefundCase } from './book-refund';

/**
 * What is found about a refund. `refused`: certainly nothing was made, now or before. `unclear`: nothing was found, and
 * what was sent before may still take effect.
 */
export type RefundFinding =
  | Exclude<RefundStanding, { state: 'none' }>
  | { state: 'refused'; code: string }
  | { state: 'unclear'; code: string }
  | { state: 'ended' }
  | { state: 'taken over' };

/** Asks the provider what became of a refund. @returns `undefined` when it knows of nothing */
export async function askForRefund(deps: PaymentDeps, refund: Refund): Promise<RefundFinding | undefined> {
  try {
    const standing = refundStanding(await deps.provider().lookUpRefund(refund.id), refund);
    return standing.state === 'none' ? undefined : standing;
  } catch (error) {
    return unanswered(deps, refund, error);
  }
}

/**
 * Calls the provider to give the money back, if that may be done. Calls within the provider's key window count as one. That
 * it is called is committed before.
 *
 * @param claim - of the refund's lease; it is extended for the call
 */
export async function callForRefund(
  deps: PaymentDeps,
  refund: Refund,
  { chargeId, claim }: { chargeId: string; claim: string },
): Promise<RefundFinding> {
  const provider = providerOf(deps);
  if (provider === undefined) return refusal(refund, NOT_CONFIGURED);
  const timeoutMs = deps.config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT;
  const leaseMs = leaseOf(timeoutMs);
  const leaseEndsAt = Date.now() + leaseMs;
  const obstacle = await inTransaction(deps.pool, (db) => markOrRefuse(db, deps, refund, { claim, leaseMs }));
  if (obstacle !== undefined) return obstacle;
  // The process was stopped meanwhile, and another one may have taken over.
  if (!mayCall(leaseEndsAt, timeoutMs)) return { state: 'taken over' };
  let made: ProviderRefund;
  try {
    made = await refundAtProvider(deps, provider, refund, chargeId);
  } catch (error) {
    return unanswered(deps, refund, error);
  }
  if (made.outcome === 'refused') {
    const after = await markRefusedCall(deps.pool, refund.id);
    return refusal(after ?? refund, made.code);
  }
  const standing = refundStanding([made.refund], refund);
  return standing.state === 'none' ? { state: 'unclear', code: 'unknown_answer' } : standing;
}

/** Why a refund fails for which there is no provider to call. */
export const NOT_CONFIGURED = 'not_configured';

/**
 * The call itself. Its idempotency key is the refund's own. A provider that refuses the call as such, as with a wrong key, did
 * nothing either.
 *
 * @throws ProviderUnavailable when the outcome is unknown
 */
export async function refundAtProvider(
  { log }: PaymentDeps,
  provider: PaymentProvider,
  { id: reference, amount }: Refund,
  chargeId: string,
): Promise<ProviderRefund> {
  try {
    return await provider.refund({ reference, chargeId, amount, idempotencyKey: `${reference}:refund` });
  } catch (error) {
    if (!(error instanceof ProviderRefused)) throw error;
    log.warn({ err: error, refundId: reference }, 'the provider refuses the call of a refund');
    return { outcome: 'refused', code: 'provider_refused' };
  }
}

/**
 * Under the payment's lock: marks that the provider is called, or says why it must not be. A dispute that has opened since
 * the refund was asked for has priority, as far as both do not fit into the payment.
 */
async function markOrRefuse(
  db: Queryable,
  { config }: PaymentDeps,
  asked: Refund,
  lease: RefundLease,
): Promise<RefundFinding | undefined> {
  const { payment, refund } = await lockRefundCase(db, asked);
  if (refund.state !== 'pending') return { state: 'ended' };
  if (refund.claim !== lease.claim) return { state: 'taken over' };
  if (payment.state !== 'captured') return { state: 'unclear', code: 'payment_in_review' };
  const { blocked } = await sumChargebacks(db, payment);
  if (payment.refundReserved + blocked > capturedOf(payment)) return refusal(refund, 'charged_back');
  const keyWindowMs = config.WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW;
  const marked = await markRefundCall(db, refund.id, { ...lease, keyWindowMs });
  return marked === undefined ? { state: 'unclear', code: 'key_window_over' } : undefined;
}

/** A refusal proves that nothing was made only if no other call may have been received. */
function refusal({ calls, refusedCalls }: Refund, code: string): RefundFinding {
  return { state: calls === refusedCalls ? 'refused' : 'unclear', code };
}

function unanswered({ log }: PaymentDeps, { id }: Refund, error: unknown): RefundFinding {
  log.warn({ err: error, refundId: id }, 'the provider does not say what became of a refund');
  return { state: 'unclear', code: 'provider_unreachable' };
}

/** `undefined` when none is configured (any more). */
export function providerOf(deps: PaymentDeps): PaymentProvider | undefined {
  try {
    return deps.provider();
  } catch (error) {
    if (error instanceof ProviderRefused) return undefined;
    throw error;
  }
}
