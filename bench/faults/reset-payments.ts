import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { progress } from '../kit/progress';

const PAYMENTS = "WorkflowType IN ('payment', 'paymentBatch', 'refund', 'refundBatch')";
const CLOSED = `${PAYMENTS} AND ExecutionStatus != 'Running'`;
const LOOK_EVERY_MS = 500;

/**
 * Resets every workflow of payments and refunds that has ended to its beginning, as an operator may in Web UI, and waits until all
 * have ended again.
 *
 * @returns how many were reset
 */
export async function resetPaymentWorkflows(
  address: string,
  { most, withinMs, signal }: { most: number; withinMs: number; signal: AbortSignal },
): Promise<number> {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection });
    const seen = new Set<string>();
    for await (const { workflowId } of client.workflow.list({ query: CLOSED })) {
      if (seen.size >= most) break;
      seen.add(workflowId);
    }
    let reset = 0;
    for (const workflowId of seen) {
      signal.throwIfAborted();
      const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
      const decided = events?.find(({ workflowTaskCompletedEventAttributes: made }) => made != null);
      if (decided?.eventId == null) continue;
      await connection.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId },
        reason: 'fault trial',
        workflowTaskFinishEventId: decided.eventId,
        requestId: randomUUID(),
      });
      reset++;
    }
    progress(`payments: ${reset} workflows reset`);
    const deadline = performance.now() + withinMs;
    const running = { namespace: 'default', query: `${PAYMENTS} AND ExecutionStatus = 'Running'` };
    // What was reset shows as running a moment later.
    await sleep(2 * LOOK_EVERY_MS, undefined, { signal });
    while (performance.now() < deadline) {
      const { count } = await connection.workflowService.countWorkflowExecutions(running);
      if (Number(count) === 0) break;
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
    return reset;
  } finally {
    await connection.close();
  }
}
