import { ApplicationFailure, sleep } from '@temporalio/workflow';
import { ProviderRefused } from '../../domains/payments/rules/errors';
import type { ChargeStanding, FlowEnd, PaymentInput, RefusedForGood } from '../../domains/payments/rules/payment-flow';
import { DATABASE_RETRY, EXTERNAL_API_RETRY, INSISTENT_RETRY, PAYMENT_RETRY } from '../kit/retry-policies';
import { inRounds, PATIENT, permanentType, type Rounds, waitOf } from '../kit/rounds';
import { Story } from '../kit/story';
import { type Calls, paymentCalls } from './payment-calls';

/** How often a capture is tried before the money is released. */
const CAPTURE_ROUNDS: Rounds = { count: 3, firstMs: 5_000, longestMs: 60_000 };

/** `refused`: the call can never succeed; `unknown`: the outcome could not be found out. */
type Standing = ChargeStanding | RefusedForGood | { state: 'unknown' };

/**
 * How `payment` went in earlier versions, for runs that began then: authorise, capture, post, notify. What was begun and cannot be finished is undone; after a missing
 * answer, the provider is asked before anything else is done. Ends with `needs_review` when money may have moved and we
 * could neither tell nor record it; nothing is given up silently.
 */
export async function paymentInSteps(input: PaymentInput): Promise<FlowEnd> {
  const flow = new PaymentFlow(input);
  return flow.story.end(input.source === 'card' ? await flow.byCard() : await flow.fromWallet());
}

class PaymentFlow {
  readonly story = new Story();
  readonly #id: string;
  readonly #resume: boolean;
  readonly #pace: number;
  readonly #money: Calls;
  readonly #asking: Calls;
  readonly #database: Calls;
  readonly #insistent: Calls;

  constructor({ paymentId, resume, pace = 1 }: PaymentInput) {
    this.#id = paymentId;
    this.#resume = resume;
    this.#pace = pace;
    this.#money = paymentCalls('provider', PAYMENT_RETRY, pace);
    this.#asking = paymentCalls('provider', EXTERNAL_API_RETRY, pace);
    this.#database = paymentCalls('database', DATABASE_RETRY, pace);
    this.#insistent = paymentCalls('database', INSISTENT_RETRY, pace);
  }

  async byCard(): Promise<FlowEnd> {
    let standing: Standing = this.#resume ? await this.#ask() : { state: 'none' };
    if (standing.state === 'refused') standing = { state: 'unknown' };
    if (standing.state === 'none') standing = await this.#authorise();
    const wasAuthorised = standing.state === 'authorised';
    let reason = standing.state === 'refused' ? standing.code : 'provider_unreachable';
    for (let round = 0; standing.state === 'authorised' && round < CAPTURE_ROUNDS.count; round++) {
      if (round > 0) await sleep(waitOf(CAPTURE_ROUNDS, round, this.#pace));
      standing = await this.#capture(standing.chargeId);
      if (standing.state === 'refused') reason = standing.code;
    }
    // The provider knows nothing, but our request may still be on its way.
    const mustLetGo = wasAuthorised || standing.state === 'none';
    if (mustLetGo && ['authorised', 'refused', 'none'].includes(standing.state)) standing = await this.#letGo();

    switch (standing.state) {
      case 'captured':
        return this.#post(standing);
      case 'declined':
        return this.#end('declined', standing.code);
      case 'voided':
        return this.#end(wasAuthorised ? 'voided' : 'failed', reason);
      case 'refused':
        return this.#end('failed', reason);
      case 'unknown':
      case 'none':
      case 'authorised':
        return this.#review('provider_unreachable');
    }
  }

  async fromWallet(): Promise<FlowEnd> {
    const held = await inRounds(() => this.#database((calls) => calls.holdWallet(this.#id)), PATIENT, this.#pace);
    if (held.outcome !== 'done') throw ApplicationFailure.nonRetryable('the wallet could not be asked');
    if (held.value.outcome === 'declined') return this.#end('declined', held.value.code);
    this.story.tell('The amount is held in the wallet.');
    const posted = await inRounds(() => this.#database((calls) => calls.recordCapture(this.#id)), PATIENT, this.#pace);
    if (posted.outcome === 'done') return this.#captured();
    if (posted.outcome === 'exhausted') return this.#review('posting_failed');
    const released = await inRounds(
      () => this.#database((calls) => calls.releaseWallet(this.#id, 'posting_refused')),
      PATIENT,
      this.#pace,
    );
    if (released.outcome !== 'done') return this.#review('hold_not_released');
    this.story.tell('The posting was refused; the hold is released.');
    return { state: 'failed', code: 'posting_refused' };
  }

  async #authorise(): Promise<Standing> {
    this.story.tell('Asking for authorisation.');
    let tries = 0;
    try {
      const standing = await this.#money((calls) => {
        tries++;
        return calls.authoriseCharge(this.#id);
      });
      if (standing.state === 'authorised') this.story.tell(`Authorised as \`${standing.chargeId}\`.`);
      return standing;
    } catch (error) {
      const refused = permanentType(error) !== undefined;
      this.story.tell(refused ? 'The provider refuses the authorisation.' : 'No answer to the authorisation.');
      const standing = await this.#ask();
      // Refused at the first try, it cannot have happened. After an unanswered try it can: that one may be on its way.
      if (refused && tries === 1) {
        return standing.state === 'none' ? { state: 'refused', code: 'provider_refused' } : standing;
      }
      // It may have been authorised, and the provider refuses to say.
      return standing.state === 'refused' ? { state: 'unknown' } : standing;
    }
  }

  async #capture(chargeId: string): Promise<Standing> {
    try {
      const standing = await this.#money((calls) => calls.captureCharge(this.#id, chargeId));
      if (standing.state === 'refused') this.story.tell(`The capture is refused: ${standing.code}.`);
      return standing;
    } catch (error) {
      const refused = permanentType(error) !== undefined;
      this.story.tell(refused ? 'The provider refuses the capture.' : 'No answer to the capture.');
      return this.#ask();
    }
  }

  /** What the provider says: the only reliable source after a missing answer. */
  async #ask(): Promise<Standing> {
    const answer = await inRounds(() => this.#asking((calls) => calls.lookUpCharge(this.#id)), PATIENT, this.#pace);
    if (answer.outcome === 'done') {
      this.story.tell(`Asked the provider: ${answer.value.state}.`);
      return answer.value;
    }
    return answer.outcome === 'permanent' && answer.type === ProviderRefused.name
      ? { state: 'refused', code: 'provider_refused' }
      : { state: 'unknown' };
  }

  async #letGo(): Promise<Standing> {
    const voided = await inRounds(() => this.#money((calls) => calls.voidCharge(this.#id)), PATIENT, this.#pace);
    if (voided.outcome !== 'done') return { state: 'unknown' };
    this.story.tell(voided.value.state === 'voided' ? 'Voided.' : 'Too late to void: captured.');
    return voided.value;
  }

  async #post(charge: { chargeId: string; capturedAt: string }): Promise<FlowEnd> {
    this.story.tell(`Captured at ${charge.capturedAt}.`);
    const { chargeId, capturedAt } = charge;
    const posted = await inRounds(
      () => this.#database((calls) => calls.recordCapture(this.#id, { chargeId, capturedAt })),
      PATIENT,
      this.#pace,
    );
    if (posted.outcome === 'done') return this.#captured();
    return this.#review(posted.outcome === 'permanent' ? 'posting_refused' : 'posting_failed');
  }

  #captured(): FlowEnd {
    this.story.tell('Posted to the ledger; `payment.captured` is on its way.');
    return { state: 'captured' };
  }

  async #end(state: 'declined' | 'failed' | 'voided', code: string): Promise<FlowEnd> {
    const kept = await inRounds(
      () => this.#database((calls) => calls.endPayment(this.#id, state, code)),
      PATIENT,
      this.#pace,
    );
    // The sweep will find the payment open and start this workflow again.
    if (kept.outcome !== 'done') throw ApplicationFailure.nonRetryable(`could not keep that the payment is ${state}`);
    return { state, code };
  }

  async #review(code: string): Promise<FlowEnd> {
    await this.#insistent((calls) => calls.flagPayment(this.#id, code));
    return { state: 'needs_review', code };
  }
}
