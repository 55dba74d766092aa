import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { ChargeStanding, RefusedForGood } from '../rules/payment-flow';
import { movePayment, type Payment, readPayment } from '../store/payments';

/**
 * Asks for the money and stores the answer. The idempotency key is the payment's own, so any number of calls from any
 * number of workers count as one.
 */
export async function authoriseCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  const end = endOf(payment);
  if (end !== undefined) return end;
  if (payment.source.type !== 'card') throw new PaymentFault('only a card is authorised');
  const authorisation = await deps.provider().authorise({
    reference: payment.id,
    amount: payment.amount,
    currency: payment.currency,
    token: payment.source.token,
    idempotencyKey: `${payment.id}:authorise`,
  });
  if (authorisation.outcome === 'declined') return { state: 'declined', code: authorisation.code };
  await keepAuthorised(deps, payment, authorisation.chargeId);
  return { state: 'authorised', chargeId: authorisation.chargeId };
}

/** Takes the money. */
export async function captureCharge(
  deps: PaymentDeps,
  paymentId: PublicId,
  chargeId: string,
): Promise<ChargeStanding | RefusedForGood> {
  const payment = await find(deps, paymentId);
  if (endOf(payment) !== undefined) throw new PaymentFault(`the payment is ${payment.state}: no money is taken for it`);
  const { amount } = payment;
  const capture = await deps.provider().capture({ chargeId, amount, idempotencyKey: `${paymentId}:capture` });
  return capture.outcome === 'refused'
    ? { state: 'refused', code: capture.code }
    : { state: 'captured', chargeId, capturedAt: capture.capturedAt.toISOString() };
}

/** Releases the money, and closes the payment's reference at the provider. */
export async function voidCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const voiding = await deps.provider().void({ reference: paymentId, idempotencyKey: `${paymentId}:void` });
  return voiding.outcome === 'voided'
    ? { state: 'voided' }
    : { state: 'captured', chargeId: voiding.chargeId, capturedAt: voiding.capturedAt.toISOString() };
}

/** Asks the provider how a payment stands. */
export async function lookUpCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  const charge = await deps.provider().lookUp(paymentId);
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

/** For readers only: the workflow knows it already. */
async function keepAuthorised({ pool }: PaymentDeps, payment: Payment, chargeId: string): Promise<void> {
  await movePayment(pool, payment.id, 'authorise', { providerReference: chargeId });
}

/**
 * How a payment ended without taking money, if it did. It may have ended just after the workflow's starter read it; its
 * order is free then and may be paid by another payment, so no money is taken for this one.
 */
function endOf({ state, declineCode }: Payment): ChargeStanding | undefined {
  if (state === 'declined') return { state, code: declineCode ?? 'unknown' };
  return state === 'failed' || state === 'voided' ? { state: 'voided' } : undefined;
}

async function find({ pool }: PaymentDeps, paymentId: PublicId): Promise<Payment> {
  const payment = await readPayment(pool, paymentId);
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  return payment;
}
