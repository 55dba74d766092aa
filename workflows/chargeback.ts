import type { ChargebackInput, FlowEnd } from '../core/finance/payment-flow';
import { paymentCalls } from './payment-calls';
import { DATABASE_RETRY, INSISTENT_RETRY } from './retry-policies';
import { inRounds, PATIENT } from './rounds';
import { Story } from './story';

/** Posts what a card's bank took back, or gave back when the dispute was won. The provider may tell before we know of the capture. */
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
  if (recorded.outcome === 'done') return story.end({ state: recorded.value });
  await insistent((calls) => calls.flagChargeback(chargebackId));
  return story.end({ state: 'needs_review', code: 'not_posted' });
}
