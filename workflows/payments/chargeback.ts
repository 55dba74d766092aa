import type { ChargebackInput, ChargebackStanding, FlowEnd } from '../../domains/payments/rules/payment-flow';
import { DATABASE_RETRY, INSISTENT_RETRY } from '../kit/retry-policies';
import { inRounds, PATIENT } from '../kit/rounds';
import { Story } from '../kit/story';
import { untilQuiet } from '../kit/until-quiet';
import { paymentCalls } from './payment-calls';

const TOLD: Readonly<Record<ChargebackStanding, string>> = {
  waiting: 'Its payment is not captured here, or a refund of it is on its way.',
  posted: 'Taken back from the merchant, with the dispute fee; `chargeback.opened` is on its way.',
  reversed: 'Won: amount and dispute fee are given back to the merchant; `chargeback.won` is on its way.',
  partly_won: 'Won in part: that part is given back to the merchant; `chargeback.partly_won` is on its way.',
  lost: 'Lost: the merchant has paid for good.',
  dismissed: 'Dismissed by a person: nothing is taken from the merchant.',
  needs_review: 'It does not fit to the payment, its refunds and its other chargebacks.',
};

/**
 * Posts what a card's bank took back, or gave back when the dispute was won. The report may come before we know of the
 * capture, and the next one while this ends.
 */
export async function chargeback({ chargebackId, pace = 1 }: ChargebackInput): Promise<FlowEnd> {
  const story = new Story();
  const database = paymentCalls('database', DATABASE_RETRY, pace);
  const insistent = paymentCalls('database', INSISTENT_RETRY, pace);
  const round = async () => {
    const standing = await database((calls) => calls.recordChargeback(chargebackId));
    if (standing === 'waiting') story.tell('Its payment is not captured here yet, or a refund of it is on its way.');
    return standing;
  };
  return untilQuiet(async () => {
    const recorded = await inRounds(round, PATIENT, pace, (standing) => standing !== 'waiting');
    if (recorded.outcome === 'done') {
      story.tell(TOLD[recorded.value]);
      return story.end({ state: recorded.value });
    }
    await insistent((calls) => calls.flagChargeback(chargebackId));
    return story.end({ state: 'needs_review', code: 'not_posted' });
  });
}
