import { randomUUID } from 'node:crypto';
import { newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openEventOutbox } from '../../webhooks';
import { createCover } from '../accepting/cover';
import { leaseOf } from '../accepting/lease';
import { createUnderWay } from '../accepting/under-way';
import { paymentDeps } from '../deps';
import { isRefundEnded } from '../rules/refund-states';
import { refundBatchWorkflowId, refundWorkflowId } from '../rules/workflow-names';
import { startRefund, startRefundBatch } from '../start';
import type { Payment } from '../store/payments';
import { releaseRefund } from '../store/refund-leases';
import { type Refund, readRefund } from '../store/refunds';
import { createRefundAcceptor } from './accept';
import type { RefundRequest } from './accept-refunds';
import { createFirstRefundStep } from './first-refund-step';

/** A refund, and whether an earlier request with the same key had made it. */
export interface Refunded {
  refund: Refund;
  repeated: boolean;
}

/** Makes refunds in the process that accepts them. */
export interface Refunding {
  /**
   * Refunds a payment, or a part of it: sets the amount aside, calls the provider at once, and records the result; what does
   * not end cleanly is left to a workflow. Waits for the end, ten seconds at most. A repetition with the same key is answered
   * with the refund as it is.
   *
   * @throws PaymentRefusal when the payment's state or what is left of it does not allow it
   */
  refund(request: RefundRequest): Promise<Refunded>;
}

/** A refund under way, with its payment. */
interface Item {
  id: PublicId;
  tenantId: PublicId;
  workflowId: string;
  state: string;
  refund: Refund;
  payment: Payment;
}

function itemOf(refund: Refund, payment: Payment): Item {
  const { id, tenantId, workflowId, state } = refund;
  return { id, tenantId, workflowId, state, refund, payment };
}

/** Opens it. Refunds under way are finished, or left to workflows, before the process closes. */
export function openRefunding(platform: Platform): Refunding {
  const deps = paymentDeps(platform);
  const { pool, config, log } = deps;
  const outbox = platform.once(openEventOutbox);
  const callsHere = config.WAYBILL_PAYMENT_FIRST_ATTEMPT === 'api';
  const claim = randomUUID();
  const leaseMs = leaseOf(config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT);
  const acceptor = createRefundAcceptor(deps, { claim: callsHere ? claim : undefined, leaseMs });
  const firstStep = createFirstRefundStep(deps, outbox, claim);
  const cover = createCover<Item>(
    {
      ownId: refundWorkflowId,
      sharedId: refundBatchWorkflowId,
      startOwn: ({ refund, payment, workflowId }, ended) => {
        const options = { source: payment.source.type, resume: true, ended: ended && endOf(ended.refund) };
        return startRefund(deps, { ...refund, workflowId }, options);
      },
      startShared: ({ workflowId, tenantIds, ended }) => startRefundBatch(deps, { workflowId, tenantIds, ended }),
      sharesOpen: false,
    },
    { ownWorkflowsPerSecond: platform.config.WAYBILL_OWN_WORKFLOWS_PER_SECOND, log },
  );
  const underWay = createUnderWay<Item>({
    make,
    read: async ({ id, payment }) => {
      const refund = await readRefund(pool, id);
      return refund && itemOf(refund, payment);
    },
    isEnded: ({ refund }) => isRefundEnded(refund),
  });

  platform.onClose(async () => {
    await acceptor.drain();
    await underWay.drain();
    await firstStep.drain();
    await cover.drain();
  });

  /** Never rejects. */
  async function make(item: Item, leaseEndsAt: number): Promise<Item | undefined> {
    const { refund, payment } = item;
    const ended = callsHere ? await firstStep.make(refund, payment, leaseEndsAt) : undefined;
    if (ended === undefined) {
      const release = { claim, dueInMs: 0, ownWorkflow: !cover.keepsWorkflow(item) };
      await releaseRefund(pool, item.id, release).catch((error: unknown) =>
        log.warn({ err: error, refundId: item.id }, 'a refund is left until its lease ends'),
      );
    }
    const endedItem = ended && itemOf(ended, payment);
    cover.report(item, endedItem);
    return endedItem;
  }

  return {
    async refund(request) {
      const identify = () => {
        const id = newId('ref');
        // What no process makes at once goes on in a workflow of its own anyway.
        return { id, workflowId: callsHere ? cover.assign(id) : refundWorkflowId(id) };
      };
      const accept = async () => {
        const { refund, payment, isNew } = await acceptor.accept(request, identify);
        return { item: itemOf(refund, payment), isNew };
      };
      const { item, isNew } = await underWay.follow(accept, leaseMs);
      return { refund: item.refund, repeated: !isNew };
    },
  };
}

function endOf({ state, failureCode }: Refund) {
  return failureCode === undefined ? { state } : { state, code: failureCode };
}
