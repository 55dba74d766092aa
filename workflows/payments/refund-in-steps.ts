import { ApplicationFailure } from '@temporalio/workflow';
import type { FlowEnd, RefundDone, RefundInput, RefusedForGood } from '../../domains/payments/rules/payment-flow';
import { DATABASE_RETRY, EXTERNAL_API_RETRY, INSISTENT_RETRY, PAYMENT_RETRY } from '../kit/retry-policies';
import { inRounds, PATIENT, permanentType } from '../kit/rounds';
import { Story } from '../kit/story';
import { paymentCalls } from './payment-calls';

/** As runs of `refund` did that began before it was carried on by its row. */
export async function refundInSteps({ refundId, source, resume, pace = 1 }: RefundInput): Promise<FlowEnd> {
  const story = new Story();
  const money = paymentCalls('provider', PAYMENT_RETRY, pace);
  const asking = paymentCalls('provider', EXTERNAL_API_RETRY, pace);
  const database = paymentCalls('database', DATABASE_RETRY, pace);
  const insistent = paymentCalls('database', INSISTENT_RETRY, pace);

  async function review(code: string): Promise<FlowEnd> {
    await insistent((calls) => calls.flagRefund(refundId, code));
    return story.end({ state: 'needs_review', code });
  }

  /** Tries whose outcome is unknown: one of them may be on its way. */
  let unanswered = 0;

  /** One round: the call with its retries and, after a missing answer, a question about the outcome. */
  async function callOrAsk(): Promise<RefundDone | RefusedForGood | { state: 'none' }> {
    try {
      return await money((calls) => {
        unanswered++;
        return calls.callRefund(refundId);
      });
    } catch (error) {
      const refused = permanentType(error) !== undefined;
      if (refused) unanswered--;
      story.tell(refused ? 'The provider refuses the call.' : 'No answer; asking the provider what became of it.');
      const found = await asking((calls) => calls.lookUpRefund(refundId));
      return refused && unanswered === 0 && found.state === 'none'
        ? { state: 'refused', code: 'provider_refused' }
        : found;
    }
  }

  let done: RefundDone | undefined;
  if (source === 'card') {
    let asked = false;
    const round = async () => {
      const first = resume && !asked;
      asked = true;
      const found = first ? await asking((calls) => calls.lookUpRefund(refundId)) : undefined;
      return found?.state === 'refunded' ? found : callOrAsk();
    };
    const answer = await inRounds(round, PATIENT, pace, ({ state }) => state !== 'none');
    if (answer.outcome !== 'done' || answer.value.state === 'none') return review('provider_unreachable');
    if (answer.value.state === 'refused') {
      const { code } = answer.value;
      const kept = await inRounds(() => database((calls) => calls.failRefund(refundId)), PATIENT, pace);
      if (kept.outcome !== 'done') throw ApplicationFailure.nonRetryable('could not keep that the refund failed');
      return story.end({ state: 'failed', code });
    }
    done = answer.value;
    story.tell(`Refunded as \`${done.providerReference}\`.`);
  }
  const posted = await inRounds(() => database((calls) => calls.recordRefund(refundId)), PATIENT, pace);
  if (posted.outcome !== 'done') return review('posting_failed');
  story.tell('Posted to the ledger; `refund.succeeded` is on its way.');
  return story.end({ state: 'succeeded' });
}
