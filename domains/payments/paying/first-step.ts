import { createFairLimit } from '../../../core/fair-limit';
import type { EventOutbox } from '../../webhooks';
import { mayCall } from '../accepting/lease';
import { createResultCommits } from '../accepting/record-results';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { Payment } from '../store/payments';
import { payFromWallet } from '../wallets/pay-from-wallet';
import { applyResults, type PaymentResult } from './apply-results';
import { authorise, capture } from './provider-calls';

/** Payments whose provider is being called at once in this process. */
const CALLS_AT_ONCE = 128;

/** Makes the first step of payments in the process that accepted them: two calls to the provider, no retries. */
export interface FirstStepMaker {
  /**
   * @param leaseEndsAt - until when this process holds the payment, in milliseconds since the epoch
   * @returns the payment as it ended; undefined when it did not end cleanly and is for its workflow to go on with
   */
  make(payment: Payment, leaseEndsAt: number): Promise<Payment | undefined>;
  drain(): Promise<void>;
}

export function createFirstStepMaker(deps: PaymentDeps, outbox: EventOutbox, claim: string): FirstStepMaker {
  const { config, log } = deps;
  const timeoutMs = config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT;
  const turns = createFairLimit(CALLS_AT_ONCE);
  const results = createResultCommits<PaymentResult, Payment | PaymentFault>(deps, outbox, {
    tenantOf: ({ payment }) => payment.tenantId,
    apply: applyResults,
  });

  async function record(result: PaymentResult): Promise<Payment | undefined> {
    const recorded = await results.add(result);
    return recorded instanceof PaymentFault ? undefined : recorded;
  }

  /** Only what is clean: everything else is asked about first, which the workflow does. */
  async function byCard(payment: Payment, leaseEndsAt: number): Promise<Payment | undefined> {
    if (!mayCall(leaseEndsAt, timeoutMs)) return undefined;
    const provider = deps.provider();
    const authorised = await authorise(provider, payment);
    if (authorised.outcome === 'refused') {
      // The only call that was ever made for it did nothing.
      return record({ kind: 'ended', payment, move: 'fail', code: authorised.code, claim });
    }
    let { standing } = authorised;
    if (standing.state === 'declined') {
      return record({ kind: 'ended', payment, move: 'decline', code: standing.code, claim });
    }
    if (standing.state === 'authorised' && mayCall(leaseEndsAt, timeoutMs)) {
      const captured = await capture(provider, payment, standing.charge.id);
      if (captured.outcome === 'refused') return undefined;
      standing = captured.standing;
    }
    return standing.state === 'captured' ? record({ kind: 'captured', payment, charge: standing.charge }) : undefined;
  }

  return {
    async make(payment, leaseEndsAt) {
      try {
        return await turns.run(payment.tenantId, () =>
          payment.source.type === 'card' ? byCard(payment, leaseEndsAt) : payFromWallet(deps, payment, outbox),
        );
      } catch (error) {
        log.info({ err: error, paymentId: payment.id }, 'a payment is left to its workflow');
        return undefined;
      }
    },
    async drain() {
      await turns.drain();
      await results.drain();
    },
  };
}
