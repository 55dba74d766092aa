import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { PaymentActivities } from '../../activities/payments';
import type { FlowEnd } from '../../domains/payments/rules/payment-flow';
import { DATABASE_RETRY, INSISTENT_RETRY, paced } from '../kit/retry-policies';
import { inRounds, PATIENT, type Rounds, waitOf } from '../kit/rounds';

/** From this round on the money is let go rather than taken: by then nobody waits for the payment any more. */
const LETTING_GO_FROM = 4;

const ROUNDS: Rounds = PATIENT;

/** What is told of the payments, for people who look at the workflow. */
export interface Listener {
  tell(paymentId: string, line: string): void;
  end(paymentId: string, end: FlowEnd): void;
}

/** Carries on with payments in rounds until each has ended; those that do not are put before a person. */
export async function carryOnAll(paymentIds: readonly string[], pace: number, listener: Listener): Promise<void> {
  const { carryOnPayments } = proxyActivities<PaymentActivities>({
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: '8 seconds',
    retry: paced(DATABASE_RETRY, pace),
  });
  const { flagPayment } = proxyActivities<PaymentActivities>({
    startToCloseTimeout: '20 seconds',
    retry: paced(INSISTENT_RETRY, pace),
  });
  let open = [...paymentIds];
  const claim = workflowInfo().runId;
  let round = 0;
  const step = async () => {
    round++;
    const options = { claim, lettingGo: round >= LETTING_GO_FROM, nextRoundMs: waitOf(ROUNDS, round, pace) };
    const reports = await carryOnPayments(open, options);
    const left: string[] = [];
    for (const [index, id] of open.entries()) {
      const report = reports[index];
      for (const line of report?.story ?? []) listener.tell(id, line);
      if (report?.outcome === 'ended') listener.end(id, endOf(report));
      else left.push(id);
    }
    open = left;
    return open.length;
  };
  if (open.length === 0) return;
  await inRounds(step, ROUNDS, pace, (left) => left === 0);
  for (const id of open) {
    await flagPayment(id, 'provider_unreachable');
    listener.end(id, { state: 'needs_review', code: 'provider_unreachable' });
  }
}

function endOf({ state, code }: { state: string; code?: string }): FlowEnd {
  return code === undefined ? { state } : { state, code };
}
