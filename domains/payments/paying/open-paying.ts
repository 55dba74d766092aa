import { randomUUID } from 'node:crypto';
import { newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openEventOutbox } from '../../webhooks';
import { paymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { isEnded } from '../rules/payment-states';
import { findOrder } from '../store/orders';
import { releasePayment } from '../store/payment-leases';
import { findPayment, type Payment } from '../store/payments';
import { createAcceptor, type PaymentRequest } from './accept';
import { createFirstStepMaker } from './first-step';
import { createPaymentCover } from './payment-cover';

/** How long a request waits for its payment to end before the answer says where to look instead. */
const RESULT_WAIT_MS = 10_000;

/** How often a payment that is somebody else's is looked at meanwhile. */
const LOOK_FIRST_MS = 50;
const LOOK_LONGEST_MS = 500;

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
  const leaseMs = 2 * config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT + 10_000;
  const acceptor = createAcceptor(deps, { claim: callsHere ? claim : undefined, leaseMs }, outbox);
  const firstStep = createFirstStepMaker(deps, outbox, claim);
  const cover = createPaymentCover(deps, log);
  const underWay = new Map<PublicId, Promise<Payment | undefined>>();

  platform.onClose(async () => {
    await acceptor.drain();
    await Promise.all(underWay.values());
    await firstStep.drain();
    await cover.drain();
  });

  /** Never rejects. */
  async function make(payment: Payment, leaseEndsAt: number): Promise<Payment | undefined> {
    const ended = isEnded(payment) ? payment : callsHere ? await firstStep.make(payment, leaseEndsAt) : undefined;
    if (ended === undefined) {
      const release = { claim, dueInMs: 0, ownWorkflow: !cover.isGathering(payment) };
      await releasePayment(pool, payment.id, release).catch((error: unknown) =>
        log.warn({ err: error, paymentId: payment.id }, 'a payment is left until its lease ends'),
      );
    }
    cover.report(payment, ended);
    underWay.delete(payment.id);
    return ended;
  }

  async function pay(request: PaymentRequest): Promise<Paid> {
    if (request.source.type === 'card' && config.WAYBILL_PAYMENT_PROVIDER_URL === undefined) {
      const detail = 'cards cannot be charged: no payment provider is configured (WAYBILL_PAYMENT_PROVIDER_URL)';
      throw new PaymentRefusal('no-provider', detail, { field: ['source', 'type'] });
    }
    // Before the statement, so that the lease never ends earlier than is believed here.
    const leaseEndsAt = Date.now() + leaseMs;
    const until = performance.now() + RESULT_WAIT_MS;
    const { payment, isNew } = await acceptor.accept(request, () => {
      const id = newId('pay');
      return { id, workflowId: cover.assign(id) };
    });
    if (isNew) underWay.set(payment.id, make(payment, leaseEndsAt));
    const here = underWay.get(payment.id);
    const ended = here === undefined ? undefined : await within(here, until - performance.now());
    return { payment: ended ?? (await ending(payment, until)), repeated: !isNew };
  }

  /** The payment once it has ended, or as it is when the time is over. */
  async function ending(payment: Payment, until: number): Promise<Payment> {
    let found = payment;
    for (let pauseMs = LOOK_FIRST_MS; !isEnded(found); pauseMs = Math.min(2 * pauseMs, LOOK_LONGEST_MS)) {
      if (performance.now() + pauseMs > until) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      found = (await findPayment(pool, payment.tenantId, payment.id)) ?? found;
    }
    return found;
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

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
