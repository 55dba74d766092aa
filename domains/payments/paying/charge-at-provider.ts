import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { ProviderUnavailable } from '../provider/provider';
import type { Standing } from '../rules/charge';
import { PaymentFault, ProviderRefused } from '../rules/errors';
import type { ChargeStanding, RefusedForGood } from '../rules/payment-flow';
import { movePayment } from '../store/payment-changes';
import { type Payment, readPayment } from '../store/payments';
import { ask, authorise, type Called, capture, release } from './provider-calls';

// The steps of workflows that were started before payments were made in the accepting process.

export async function authoriseCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  const end = endOf(payment);
  if (end !== undefined) return end;
  return told(deps, payment, await authorise(deps.provider(), payment));
}

export async function captureCharge(
  deps: PaymentDeps,
  paymentId: PublicId,
  chargeId: string,
): Promise<ChargeStanding | RefusedForGood> {
  const payment = await find(deps, paymentId);
  if (endOf(payment) !== undefined) throw new PaymentFault(`the payment is ${payment.state}: no money is taken for it`);
  const called = await capture(deps.provider(), payment, chargeId);
  if (called.outcome === 'refused' && called.code !== 'provider_refused')
    return { state: 'refused', code: called.code };
  return told(deps, payment, called);
}

export async function voidCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  return told(deps, payment, await release(deps.provider(), payment));
}

export async function lookUpCharge(deps: PaymentDeps, paymentId: PublicId): Promise<ChargeStanding> {
  const payment = await find(deps, paymentId);
  return standing(deps, payment, await ask(deps.provider(), payment));
}

async function told(deps: PaymentDeps, payment: Payment, called: Called): Promise<ChargeStanding> {
  if (called.outcome === 'refused')
    throw new ProviderRefused(`the provider refused a call: ${called.code}`, called.code);
  return standing(deps, payment, called.standing);
}

async function standing({ pool }: PaymentDeps, payment: Payment, found: Standing): Promise<ChargeStanding> {
  switch (found.state) {
    case 'none':
    case 'voided':
    case 'declined':
      return found;
    case 'authorised':
      await movePayment(pool, payment.id, 'authorise', { providerReference: found.charge.id });
      return { state: 'authorised', chargeId: found.charge.id };
    case 'captured':
      if (found.charge.capturedAt === undefined) throw new ProviderUnavailable('a capture has no moment');
      return { state: 'captured', chargeId: found.charge.id, capturedAt: found.charge.capturedAt.toISOString() };
    case 'differs':
      throw new PaymentFault('the provider has another amount or currency for this payment');
  }
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
