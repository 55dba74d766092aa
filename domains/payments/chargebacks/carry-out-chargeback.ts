import type { Queryable } from '../../../infra/postgres/pool';
import { storeEvent } from '../../webhooks';
import type { CarryOutReview } from '../approvals/review-command';
import { chargebackEvent } from '../events';
import { PaymentRefusal } from '../refusals';
import { CHARGEBACK_CORRECTABLE, CHARGEBACK_MOVES } from '../rules/chargeback-states';
import { capturedOf } from '../rules/refundable';
import { CHARGEBACK_RESOLUTIONS, type ChargebackResolution } from '../rules/resolutions';
import {
  type Booked,
  type Chargeback,
  type Decision,
  lockChargeback,
  moveChargeback,
  setDecision,
  sumChargebacks,
} from '../store/chargebacks';
import { lockPayment, type Payment } from '../store/payments';
import { bookChargeback, NOTHING_BOOKED } from './book-chargeback';
import { disputeFee } from './record-chargeback';

/** The action of `resolveChargeback`. */
export const RESOLVE_CHARGEBACK = 'chargeback.resolve';

type ResolveMove = 'resolvePosted' | 'resolveWon' | 'resolvePartlyWon' | 'resolveLost' | 'dismiss';

/** What a decision makes of a chargeback. */
interface Outcome {
  move: ResolveMove;
  booked: Booked;
  decision: Decision;
}

/** Carries out what a person decided about a chargeback: state, ledger and event. */
export const carryOutChargeback: CarryOutReview = async (_deps, db, { tenantId, subject, input }) => {
  const resolution = CHARGEBACK_RESOLUTIONS.parse(input);
  const chargeback = await lockChargeback(db, subject);
  const payment = chargeback && (await lockPayment(db, chargeback.paymentId));
  if (chargeback === undefined || payment === undefined || chargeback.tenantId !== tenantId) {
    throw new PaymentRefusal('not-found');
  }
  mayResolve(chargeback, payment, resolution);
  const { move, booked, decision } = await outcomeOf(db, chargeback, payment, resolution);
  const before = chargeback.booked.amount;
  await bookChargeback(db, { chargeback, payment }, booked, new Date());
  await setDecision(db, chargeback.id, decision);
  const fee = booked.amount > 0n ? booked.fee : undefined;
  const moved = await moveChargeback(db, chargeback.id, move, { fee });
  if (moved === undefined) throw new Error('a locked chargeback has moved');
  const event = await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES[move].tells, moved));
  const audit = { from: chargeback.state, to: moved.state, taken: { from: String(before), to: String(booked.amount) } };
  return { events: [event], audit };
};

function mayResolve({ state }: Chargeback, payment: Payment, { as }: ChargebackResolution): void {
  const correctable = CHARGEBACK_CORRECTABLE.some((known) => known === state);
  if (!correctable && !(as === 'dismissed' && state === 'received')) {
    throw new PaymentRefusal(
      'not-resolvable',
      `The chargeback is ${state}: its workflow is about to post or reverse it.`,
    );
  }
  if (as !== 'dismissed' && payment.state !== 'captured') {
    throw new PaymentRefusal(
      'not-resolvable',
      `The payment is not captured here but ${payment.state}: resolve it first.`,
    );
  }
}

async function outcomeOf(
  db: Queryable,
  chargeback: Chargeback,
  payment: Payment,
  { as, amount }: ChargebackResolution,
): Promise<Outcome> {
  const undecided: Decision = { wonAt: undefined, wonAmount: undefined, lostAt: undefined };
  if (as === 'dismissed') return { move: 'dismiss', booked: NOTHING_BOOKED, decision: undecided };
  const taken = chargeback.booked.amount;
  const fee = chargeback.fee ?? (await disputeFee(db, payment));
  if (as === 'won') {
    const back = amount ?? taken;
    if (back > taken) throw tooMuch(`is more than the ${taken} that were taken`);
    const decision = { wonAt: new Date(), wonAmount: back, lostAt: undefined };
    return back === taken
      ? { move: 'resolveWon', booked: NOTHING_BOOKED, decision }
      : { move: 'resolvePartlyWon', booked: { amount: taken - back, fee }, decision };
  }
  const wanted = amount ?? (taken > 0n ? taken : chargeback.amount);
  const left = capturedOf(payment) - ((await sumChargebacks(db, payment)).booked - taken);
  if (wanted > left) throw tooMuch(`is more than is left of the payment beside its other chargebacks, ${left}`);
  const booked = { amount: wanted, fee };
  return as === 'lost'
    ? { move: 'resolveLost', booked, decision: { ...undecided, lostAt: new Date() } }
    : { move: 'resolvePosted', booked, decision: undecided };
}

function tooMuch(detail: string): PaymentRefusal {
  return new PaymentRefusal('more-than-left', detail, { field: ['amount'] });
}
