import type { ChargebackInput, ChargebackStanding, FlowEnd } from '../../domains/payments/rules/payment-flow';
import { DATABASE_RETRY, INSISTENT_RETRY } from '../kit/retry-policies';
import { inRounds, PATIENT } from '../kit/rounds';
import { Story } from '../kit/story';
import { paymentCalls } from './payment-calls';

const TOLD: Readonly<Record<ChargebackStanding, string>> = {
  waiting: 'Its payment is not captured here.',
  posted: 'Taken back from the merchant, with the dispute fee; `chargeback.opened` is on its way.',
  reversed: 'Won: amount and dispute fee are given back to the merchant; `chargeback.won` is on its way.',
  needs_review: 'Amount or currency are not those of the payment.',
};

/**
 * Posts what a card's bank took back, or gave back when the dispute was won. The report may come before we know of the
 * capture.
 */
export async function chargeback({ chargebackId, pace = 1 }: ChargebackInput): Promise<FlowEnd> {
  const story = new Story();
  const database = paymentCalls('database', DATABASE_RETRY, pace);
  const insistent = paymentCalls('database', INSISTENT_RETRY, pace);
  const round = async () => {
    const standing = await database((calls) => calls.recordChargeback(chargebackId));
    if (standing === 'waiting') story.tell('Its payment is not captured here yet.');
    return standing;
  };
  const recorded = await inRounds(round, PATIENT, pace, (standing) => standing !== 'waiting');
  if (recorded.outcome === 'done') {
    story.tell(TOLD[recorded.value]);
    return story.end({ state: recorded.value });
  }
  await insistent((calls) => calls.flagChargeback(chargebackId));
  return story.end({ state: 'needs_review', code: 'not_posted' });
}
