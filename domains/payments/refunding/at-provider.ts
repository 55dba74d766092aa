import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import type { PaymentDeps } from '../deps';
import type { PaymentProvider, ProviderRefund } from '../provider/provider';
import { ProviderRefused } from '../rules/errors';
import { capturedOf } from '../rules/refundable';
import { type RefundStanding, refundStanding } from '../rules/reported-refund';
import { sumChargebacks } from '../store/chargebacks';
import { markRefundCall, markRefusedCall, type Refund } from '../store/refunds';
import { lockRefundCase } from './book-refund';

/**
 * What is found about a refund. `refused`: certainly nothing was made, now or before. `unclear`: nothing was found, and
 * what was sent before may still take effect.
 */
export type RefundFinding =
  | Exclude<RefundStanding, { state: 'none' }>
  | { state: 'refused'; code: string }
  | { state: 'unclear'; code: string }
  | { state: 'ended' };

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
 */
export async function callForRefund(deps: PaymentDeps, refund: Refund, chargeId: string): Promise<RefundFinding> {
  const provider = providerOf(deps);
  if (provider === undefined) return refusal(refund, 'not_configured');
  const obstacle = await inTransaction(deps.pool, (db) => markOrRefuse(db, deps, refund));
  if (obstacle !== undefined) return obstacle;
  let made: ProviderRefund;
  try {
    const { id: reference, amount } = refund;
    made = await provider.refund({ reference, chargeId, amount, idempotencyKey: `${reference}:refund` });
  } catch (error) {
    if (!(error instanceof ProviderRefused)) return unanswered(deps, refund, error);
    deps.log.warn({ err: error, refundId: refund.id }, 'the provider refuses the call of a refund');
    made = { outcome: 'refused', code: 'provider_refused' };
  }
  if (made.outcome === 'refused') {
    const after = await markRefusedCall(deps.pool, refund.id);
    return refusal(after ?? refund, made.code);
  }
  const standing = refundStanding([made.refund], refund);
  return standing.state === 'none' ? { state: 'unclear', code: 'unknown_answer' } : standing;
}

/**
 * Under the payment's lock: marks that the provider is called, or says why it must not be. A dispute that has opened since
 * the refund was asked for has priority, as far as both do not fit into the payment.
 */
async function markOrRefuse(db: Queryable, { config }: PaymentDeps, asked: Refund): Promise<RefundFinding | undefined> {
  const { payment, refund } = await lockRefundCase(db, asked);
  if (refund.state !== 'pending') return { state: 'ended' };
  if (payment.state !== 'captured') return { state: 'unclear', code: 'payment_in_review' };
  const { blocked } = await sumChargebacks(db, payment);
  if (payment.refundReserved + blocked > capturedOf(payment)) return refusal(refund, 'charged_back');
  const marked = await markRefundCall(db, refund.id, config.WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW);
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
function providerOf(deps: PaymentDeps): PaymentProvider | undefined {
  try {
    return deps.provider();
  } catch (error) {
    if (error instanceof ProviderRefused) return undefined;
    throw error;
  }
}
