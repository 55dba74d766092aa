import { randomUUID } from 'node:crypto';
import { createFairLimit } from '../../../core/fair-limit';
import type { PublicId } from '../../../core/ids';
import { OwnWorkflowBudget } from '../../../core/own-workflow-budget';
import { withTimeout } from '../../../core/timeout';
import type { Logger } from '../../../infra/log';
import { paymentBatchWorkflowId, paymentWorkflowId } from '../rules/workflow-names';
import { type Starter, startPayment, startPaymentBatch } from '../start';
import type { Payment } from '../store/payments';

/** How long payments that share a workflow gather. */
const GATHER_MS = 1_000;

/** Most payments that share a workflow. */
const MAX_SHARED = 500;

const STARTS_AT_ONCE = 8;
const MAX_STARTS_WAITING = 1_000;
const START_TIMEOUT_MS = 10_000;

/** Payments that share a workflow, while they gather. */
interface Gathering {
  workflowId: string;
  count: number;
  tenantIds: Set<PublicId>;
  open: Set<PublicId>;
  ended: Record<string, number>;
}

/**
 * Gives every accepted payment a workflow. At low load each has its own; under load those accepted within a second share
 * one, which is told how many ended cleanly and goes on with the others.
 */
export interface PaymentCover {
  /** The workflow id of the next payment. */
  assign(id: PublicId): string;
  /** Whether its workflow is a shared one that is not started yet; otherwise it goes on in a workflow of its own. */
  isGathering(payment: Payment): boolean;
  /** Reports the end of the first step. @param ended - undefined when it did not end cleanly */
  report(payment: Payment, ended: Payment | undefined): void;
  /** Resolves when every workflow is started or given up; the sweep finds what is given up. */
  drain(): Promise<void>;
}

export function createPaymentCover(starter: Starter, log: Logger): PaymentCover {
  const budget = new OwnWorkflowBudget();
  const starts = createFairLimit(STARTS_AT_ONCE);
  const gatherings = new Map<string, Gathering>();
  let waiting = 0;
  let current: Gathering | undefined;
  let timer: NodeJS.Timeout | undefined;

  function assign(id: PublicId): string {
    const free = budget.refill();
    budget.take();
    if (free > 0) return paymentWorkflowId(id);
    current ??= begin();
    const { workflowId } = current;
    current.count++;
    if (current.count >= MAX_SHARED) close();
    return workflowId;
  }

  function begin(): Gathering {
    const workflowId = paymentBatchWorkflowId(randomUUID());
    const gathering: Gathering = {
      workflowId,
      count: 0,
      tenantIds: new Set(),
      open: new Set(),
      ended: {},
    };
    gatherings.set(workflowId, gathering);
    timer = setTimeout(close, GATHER_MS);
    return gathering;
  }

  function close(): void {
    clearTimeout(timer);
    const gathering = current;
    current = undefined;
    if (gathering !== undefined) setTimeout(() => startShared(gathering), GATHER_MS).unref();
  }

  function startShared(gathering: Gathering): void {
    if (!gatherings.delete(gathering.workflowId)) return;
    const { workflowId, open, ended, tenantIds } = gathering;
    if (open.size === 0 && Object.keys(ended).length === 0) return;
    start(workflowId, () =>
      startPaymentBatch(starter, { workflowId, open: [...open], ended, tenantIds: [...tenantIds] }),
    );
  }

  function start(workflowId: string, begin: () => Promise<unknown>): void {
    if (waiting >= MAX_STARTS_WAITING) return;
    waiting++;
    void starts
      .run('', () => withTimeout(begin(), START_TIMEOUT_MS))
      .catch((error: unknown) => log.warn({ err: error, workflowId }, 'payments are left to the sweep'))
      .finally(() => {
        waiting--;
      });
  }

  function report(payment: Payment, ended: Payment | undefined): void {
    const gathering = gatherings.get(payment.workflowId);
    if (gathering === undefined) {
      const own = { ...payment, workflowId: paymentWorkflowId(payment.id) };
      const isOwn = own.workflowId === payment.workflowId;
      if (ended === undefined || isOwn)
        start(own.workflowId, () => startPayment(starter, own, { ended, resume: true }));
      return;
    }
    gathering.tenantIds.add(payment.tenantId);
    if (ended === undefined) gathering.open.add(payment.id);
    else gathering.ended[ended.state] = (gathering.ended[ended.state] ?? 0) + 1;
  }

  return {
    assign,
    isGathering: ({ workflowId }) => gatherings.has(workflowId),
    report,
    async drain() {
      clearTimeout(timer);
      current = undefined;
      for (const gathering of [...gatherings.values()]) startShared(gathering);
      await starts.drain();
    },
  };
}
