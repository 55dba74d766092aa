import { condition, defineSignal, patched, setHandler, workflowInfo } from '@temporalio/workflow';
import type {
  CarriedOnRefund,
  FlowEnd,
  PaymentBatchEnd,
  RefundBatchInput,
  RefundInput,
  RefundRound,
} from '../../domains/payments/rules/payment-flow';
import { REFUND_REPORTED } from '../../domains/payments/rules/workflow-names';
import { DATABASE_RETRY, INSISTENT_RETRY } from '../kit/retry-policies';
import { PATIENT, permanentType, type Rounds, waitOf } from '../kit/rounds';
import { Story } from '../kit/story';
import { untilQuiet } from '../kit/until-quiet';
import { paymentCalls } from './payment-calls';
import { refundInSteps } from './refund-in-steps';

const reported = defineSignal(REFUND_REPORTED);

/** About ten days: longer than a refund takes at a bank. */
const SETTLING: Rounds = { count: 50, firstMs: 5_000, longestMs: 6 * 3_600_000 };

/**
 * Owns a refund: takes up what the process that accepted it did not finish, asking the provider before anything else, until
 * the money is back and posted, or certainly not. Each round carries the refund on by what is stored of it. A provider that
 * is not done yet is asked for days, unless it reports by itself.
 */
export async function refund(input: RefundInput): Promise<FlowEnd> {
  if (!patched('refund-by-its-row')) return refundInSteps(input);
  const { refundId, ended, pace = 1 } = input;
  const story = new Story();
  if (ended !== undefined) {
    story.tell('Made by the process that accepted it.');
    return story.end(ended);
  }
  const claim = workflowInfo().runId;
  const rounds = paymentCalls('round', DATABASE_RETRY, pace);
  const insistent = paymentCalls('database', INSISTENT_RETRY, pace);
  let news = false;
  setHandler(reported, () => {
    news = true;
  });

  async function carryOn(round: RefundRound): Promise<CarriedOnRefund> {
    try {
      return await rounds((calls) => calls.carryOnRefund(refundId, round));
    } catch (error) {
      if (permanentType(error) === undefined && !round.lastUnclear) {
        return { outcome: 'waiting', for: 'answer', story: 'The round could not be finished.' };
      }
      const code = 'posting_failed';
      await insistent((calls) => calls.flagRefund(refundId, code));
      return { outcome: 'ended', state: 'needs_review', code, story: 'It cannot be recorded.' };
    }
  }

  return untilQuiet(async () => {
    let unclear = 0;
    let settling = 0;
    for (;;) {
      news = false;
      const now = await carryOn({
        lastUnclear: unclear + 1 >= PATIENT.count,
        lastPending: settling + 1 >= SETTLING.count,
        claim,
        nextRoundMs: waitOf(PATIENT, unclear + 1, pace),
      });
      story.tell(now.story);
      if (now.outcome === 'ended') {
        return story.end(now.code === undefined ? { state: now.state } : { state: now.state, code: now.code });
      }
      const withProvider = now.for === 'provider';
      if (withProvider) settling++;
      unclear = withProvider ? 0 : unclear + 1;
      await condition(() => news, withProvider ? waitOf(SETTLING, settling, pace) : waitOf(PATIENT, unclear, pace));
    }
  });
}

/** Tells of refunds that were accepted close together under load; any that did not end cleanly has a workflow of its own. */
export async function refundBatch({ ended }: RefundBatchInput): Promise<PaymentBatchEnd> {
  const story = new Story();
  for (const [state, count] of Object.entries(ended)) {
    story.tell(`${count} ${state} by the process that accepted them.`);
  }
  story.end({ state: 'ended' });
  return { states: { ...ended } };
}
