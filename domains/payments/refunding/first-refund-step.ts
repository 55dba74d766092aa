import { createFairLimit } from '../../../core/fair-limit';
import { inTransaction } from '../../../infra/postgres/pool';
import type { EventOutbox } from '../../webhooks';
import { mayCall } from '../accepting/lease';
import { createResultCommits } from '../accepting/record-results';
import type { PaymentDeps } from '../deps';
import { type ReportedRefund, refundStanding } from '../rules/reported-refund';
import type { Payment } from '../store/payments';
import { markRefusedCall } from '../store/refund-leases';
import type { Refund } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { applyRefundResults, type RefundResult } from './apply-refund-results';
import { NOT_CONFIGURED, providerOf, refundAtProvider } from './at-provider';
import { lockRefundCase } from './book-refund';
import { recordStanding } from './move-refund';

/** Refunds whose provider is being called at once in this process. */
const CALLS_AT_ONCE = 128;

/** Makes the first step of refunds in the process that accepted them: one call to the provider, no retries. */
export interface FirstRefundStep {
  /**
   * @param leaseEndsAt - until when this process holds the refund, in milliseconds since the epoch
   * @returns the refund as it ended; undefined when it did not end cleanly and is for its workflow to go on with
   */
  make(refund: Refund, payment: Payment, leaseEndsAt: number): Promise<Refund | undefined>;
  drain(): Promise<void>;
}

export function createFirstRefundStep(deps: PaymentDeps, outbox: EventOutbox, claim: string): FirstRefundStep {
  const { config, log, pool } = deps;
  const turns = createFairLimit(CALLS_AT_ONCE);
  const results = createResultCommits<RefundResult, Refund | undefined>(deps, outbox, {
    tenantOf: ({ refund }) => refund.tenantId,
    apply: applyRefundResults,
  });

  async function refused(refund: Refund, code: string): Promise<Refund | undefined> {
    const failed = await results.add({ kind: 'failed', refund, code, failed: undefined, claim });
    // That this call did nothing is true whoever has the refund now.
    if (failed === undefined) await markRefusedCall(pool, refund.id);
    return failed;
  }

  async function refunded(refund: Refund, done: ReportedRefund): Promise<Refund | undefined> {
    const ended = await results.add({ kind: 'refunded', refund, done });
    if (ended?.state !== 'failed' && ended?.state !== 'written_off') return ended;
    // A person said otherwise meanwhile.
    const contested = await inTransaction(pool, async (db) =>
      recordStanding(db, await lockRefundCase(db, refund), { state: 'refunded', refund: done }),
    );
    await tellEvents(deps, [contested.event]);
    return contested.refund;
  }

  /** Only what is clean: everything else is asked about first, which the workflow does. */
  async function byCard(refund: Refund, payment: Payment, leaseEndsAt: number): Promise<Refund | undefined> {
    const { providerReference: chargeId } = payment;
    if (chargeId === undefined || !mayCall(leaseEndsAt, config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT)) return undefined;
    const provider = providerOf(deps);
    if (provider === undefined) return refused(refund, NOT_CONFIGURED);
    const made = await refundAtProvider(deps, provider, refund, chargeId);
    if (made.outcome === 'refused') return refused(refund, made.code);
    const standing = refundStanding([made.refund], refund);
    if (standing.state === 'refunded') return refunded(refund, standing.refund);
    if (standing.state !== 'failed') return undefined;
    const { code, refund: failed } = standing;
    return results.add({ kind: 'failed', refund, code, failed, claim });
  }

  return {
    async make(refund, payment, leaseEndsAt) {
      try {
        return await turns.run(refund.tenantId, () =>
          payment.source.type === 'card'
            ? byCard(refund, payment, leaseEndsAt)
            : results.add({ kind: 'refunded', refund, done: undefined }),
        );
      } catch (error) {
        log.info({ err: error, refundId: refund.id }, 'a refund is left to its workflow');
        return undefined;
      }
    },
    async drain() {
      await turns.drain();
      await results.drain();
    },
  };
}
