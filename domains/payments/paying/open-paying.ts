import { randomUUID } from 'node:crypto';
import { newId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openEventOutbox } from '../../webhooks';
import { createCover } from '../accepting/cover';
import { leaseOf } from '../accepting/lease';
import { createUnderWay } from '../accepting/under-way';
import { paymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { isEnded } from '../rules/payment-states';
import { paymentBatchWorkflowId, paymentWorkflowId } from '../rules/workflow-names';
import { startPayment, startPaymentBatch } from '../start';
import { findOrder } from '../store/orders';
import { releasePayment } from '../store/payment-leases';
import { findPayment, type Payment } from '../store/payments';
import { createAcceptor, type PaymentRequest } from './accept';
import { createFirstStepMaker } from './first-step';

/** A payment, and whether an earlier request with the same key had made it. */
export interface Paid {
  payment: Payment;
  repeated: boolean;
}

/** Makes payments in the process that accepts them. */
export interface Paying {
  /**
   * Pays an order: stores the payment, calls the provider at once, and records the result; what does not end cleanly is
   * left to a workflow. Waits for the end, ten seconds at most. A repetition with the same key is answered with the
   * payment as it is.
   *
   * @throws PaymentRefusal when the order, its state or the source does not allow it
   */
  pay(request: PaymentRequest): Promise<Paid>;
  /** As {@link pay}, for an order named by the path: an unknown one is `not-found`. */
  payOrder(request: PaymentRequest): Promise<Paid>;
}

/** Opens it. Payments under way are finished, or left to workflows, before the process closes. */
export function openPaying(platform: Platform): Paying {
  const deps = paymentDeps(platform);
  const { pool, config, log } = deps;
  const outbox = platform.once(openEventOutbox);
  const callsHere = config.WAYBILL_PAYMENT_FIRST_ATTEMPT === 'api';
  const claim = randomUUID();
  const leaseMs = leaseOf(config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT);
  const acceptor = createAcceptor(deps, { claim: callsHere ? claim : undefined, leaseMs }, outbox);
  const firstStep = createFirstStepMaker(deps, outbox, claim);
  const cover = createCover<Payment>(
    {
      ownId: paymentWorkflowId,
      sharedId: paymentBatchWorkflowId,
      startOwn: (payment, ended) => startPayment(deps, payment, { ended, resume: true }),
      startShared: (shared) => startPaymentBatch(deps, shared),
      sharesOpen: true,
    },
    { ownWorkflowsPerSecond: platform.config.WAYBILL_OWN_WORKFLOWS_PER_SECOND, log },
  );
  const underWay = createUnderWay<Payment>({
    make,
    read: ({ tenantId, id }) => findPayment(pool, tenantId, id),
    isEnded,
  });

  platform.onClose(async () => {
    await acceptor.drain();
    await underWay.drain();
    await firstStep.drain();
    await cover.drain();
  });

  /** Never rejects. */
  async function make(payment: Payment, leaseEndsAt: number): Promise<Payment | undefined> {
    const ended = isEnded(payment) ? payment : callsHere ? await firstStep.make(payment, leaseEndsAt) : undefined;
    if (ended === undefined) {
      const release = { claim, dueInMs: 0, ownWorkflow: !cover.keepsWorkflow(payment) };
      await releasePayment(pool, payment.id, release).catch((error: unknown) =>
        log.warn({ err: error, paymentId: payment.id }, 'a payment is left until its lease ends'),
      );
    }
    cover.report(payment, ended);
    return ended;
  }

  async function pay(request: PaymentRequest): Promise<Paid> {
    if (request.source.type === 'card' && config.WAYBILL_PAYMENT_PROVIDER_URL === undefined) {
      const detail = 'cards cannot be charged: no payment provider is configured (WAYBILL_PAYMENT_PROVIDER_URL)';
      throw new PaymentRefusal('no-provider', detail, { field: ['source', 'type'] });
    }
    const identify = () => {
      const id = newId('pay');
      return { id, workflowId: cover.assign(id) };
    };
    const { item, isNew } = await underWay.follow(() => acceptor.accept(request, identify), leaseMs);
    return { payment: item, repeated: !isNew };
  }

  return {
    pay,
    async payOrder(request) {
      if ((await findOrder(pool, request.tenantId, request.orderId)) === undefined)
        throw new PaymentRefusal('not-found');
      return pay(request);
    },
  };
}
