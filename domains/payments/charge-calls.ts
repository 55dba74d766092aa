import type { PublicId } from '../../core/ids';
import { type PaymentDeps, PaymentFault, withHeartbeats } from './deps';
import type { ChargeStanding } from './rules/payment-flow';
import { movePayment, type Payment, readPayment } from './store/payments';

/**
 * Asks for the money and keeps the answer. The provider's idempotency key is the payment's own, so that any number of
 * calls, from any number of workers, is one.
 */
export async function authoriseCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  const end = endOf(payment);
  if (end !== undefined) return end;
  if (payment.source.type !== 'card') throw new PaymentFault('only a card is authorised');
  const answer = await withHeartbeats(
    deps.provider().authorise({
      reference: payment.id,
      amount: payment.amount,
      currency: payment.currency,
      token: payment.source.token,
      idempotencyKey: `${payment.id}:authorise`,
    }),
  );
  if (answer.outcome === 'declined') return { state: 'declined', code: answer.code };
  await keepAuthorised(deps, payment, answer.chargeId);
  return { state: 'authorised', chargeId: answer.chargeId };
}

/** Takes the money. */
export async function captureCharge(
  deps: PaymentDeps,
  paymentId: PublicId,
  chargeId: string,
): Promise<ChargeStanding | { state: 'refused'; code: string }> {
  const payment = await find(deps, paymentId);
  if (endOf(payment) !== undefined) throw new PaymentFault(`the payment is ${payment.state}: no money is taken for it`);
  const { amount } = payment;
  const answer = await withHeartbeats(
    deps.provider().capture({ chargeId, amount, idempotencyKey: `${paymentId}:capture` }),
  );
  return answer.outcome === 'refused'
    ? { state: 'refused', code: answer.code }
    : { state: 'captured', chargeId, capturedAt: answer.capturedAt.toISOString() };
}

/** Lets the money go, and closes the payment's reference at the provider. */
export async function voidCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const answer = await withHeartbeats(
    deps.provider().void({ reference: paymentId, idempotencyKey: `${paymentId}:void` }),
  );
  return answer.outcome === 'voided'
    ? { state: 'voided' }
    : { state: 'captured', chargeId: answer.chargeId, capturedAt: answer.capturedAt.toISOString() };
}

/** Asks the provider what became of a payment. */
export async function lookUpCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  const charge = await withHeartbeats(deps.provider().lookUp(paymentId));
  if (charge === undefined) return { state: 'none' };
  if (charge.amount !== payment.amount || charge.currency !== payment.currency) {
    throw new PaymentFault('the provider has another amount or currency for this payment');
  }
  switch (charge.state) {
    case 'declined':
      return { state: 'declined', code: charge.declineCode ?? 'unknown' };
    case 'voided':
      return { state: 'voided' };
    case 'authorised':
      await keepAuthorised(deps, payment, charge.id);
      return { state: 'authorised', chargeId: charge.id };
    case 'captured':
      return {
        state: 'captured',
        chargeId: charge.id,
        capturedAt: (charge.capturedAt ?? new Date()).toISOString(),
      };
  }
}

/** Only for those who look: the workflow knows it already. */
async function keepAuthorised(deps: PaymentDeps, payment: Payment, chargeId: string): Promise<void> {
  await movePayment(deps.pool, payment.id, ['pending'], { state: 'authorised', providerReference: chargeId });
}

/**
 * How a payment has come to nothing, if it has. Who starts a workflow may have read the payment just before it ended;
 * its order is free and may be paid by another, so that no money is taken for this one.
 */
function endOf({ state, declineCode }: Payment): ChargeStanding | undefined {
  if (state === 'declined') return { state, code: declineCode ?? 'unknown' };
  return state === 'failed' || state === 'voided' ? { state: 'voided' } : undefined;
}

async function find(deps: PaymentDeps, paymentId: PublicId): Promise<Payment> {
  const payment = await readPayment(deps.pool, paymentId);
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  return payment;
}
