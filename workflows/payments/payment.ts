import { patched } from '@temporalio/workflow';
import type {
  FlowEnd,
  PaymentBatchEnd,
  PaymentBatchInput,
  PaymentInput,
} from '../../domains/payments/rules/payment-flow';
import { Story } from '../kit/story';
import { untilQuiet } from '../kit/until-quiet';
import { carryOnAll } from './carry-on-all';
import { paymentInSteps } from './payment-in-steps';

/**
 * Owns a payment: takes up what the process that accepted it did not finish, asking the provider before anything else,
 * until the money is taken and posted, or certainly not taken. Ends with `needs_review` when neither could be found out;
 * nothing is given up silently.
 */
export async function payment(input: PaymentInput): Promise<FlowEnd> {
  if (!patched('accepting-process-pays')) return paymentInSteps(input);
  const { paymentId, ended, pace = 1 } = input;
  const story = new Story();
  if (ended !== undefined) {
    story.tell('Made by the process that accepted it.');
    return story.end(ended);
  }
  return untilQuiet(async () => {
    let end: FlowEnd = { state: 'pending' };
    await carryOnAll([paymentId], pace, {
      tell: (_id, line) => story.tell(line),
      end: (_id, found) => {
        end = found;
      },
    });
    return story.end(end);
  });
}

/** Owns payments that were accepted close together under load, as {@link payment} owns one. */
export async function paymentBatch({ open, ended, pace = 1 }: PaymentBatchInput): Promise<PaymentBatchEnd> {
  const story = new Story();
  const states: Record<string, number> = { ...ended };
  for (const [state, count] of Object.entries(ended))
    story.tell(`${count} ${state} by the process that accepted them.`);
  await carryOnAll(open, pace, {
    tell: (id, line) => story.tell(`\`${id}\`: ${line}`),
    end: (id, { state, code }) => {
      states[state] = (states[state] ?? 0) + 1;
      story.tell(`\`${id}\`: **${state}**${code === undefined ? '' : `, ${code}`}`);
    },
  });
  story.end({ state: 'ended' });
  return { states };
}
