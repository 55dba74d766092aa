import type { PaymentProvider } from '../provider/provider';
import { ProviderUnavailable } from '../provider/provider';
import { type Standing, standingOf } from '../rules/charge';
import { PaymentFault, ProviderRefused } from '../rules/errors';
import type { Payment } from '../store/payments';

/** What came of a call: how the payment stands now, or a definite refusal, which did nothing. */
export type Called =
  | { outcome: 'answered'; standing: Standing }
  | { outcome: 'refused'; call: 'authorise' | 'capture' | 'void'; code: string };

/**
 * Asks for the money. The idempotency key is the payment's own, so any number of calls from any number of processes
 * count as one.
 *
 * @throws ProviderUnavailable when the outcome is unknown
 */
export async function authorise(provider: PaymentProvider, payment: Payment): Promise<Called> {
  const { id, amount, currency, source } = payment;
  if (source.type !== 'card') throw new PaymentFault('only a card is authorised');
  return refusable('authorise', async () => {
    const request = { reference: id, amount, currency, token: source.token, idempotencyKey: `${id}:authorise` };
    const answer = await provider.authorise(request);
    if (answer.outcome === 'declined') return answered({ state: 'declined', code: answer.code });
    return answered(standingOf([answer.charge], payment));
  });
}

/** Takes the money that was authorised. Throws as {@link authorise} does. */
export async function capture(provider: PaymentProvider, payment: Payment, chargeId: string): Promise<Called> {
  return refusable('capture', async () => {
    const { id, amount } = payment;
    const answer = await provider.capture({ chargeId, amount, idempotencyKey: `${id}:capture` });
    if (answer.outcome === 'refused') return { outcome: 'refused', call: 'capture', code: answer.code };
    const standing = standingOf([answer.charge], payment);
    // Neither taken nor refused: only a look-up can tell.
    const told = standing.state === 'captured' || (standing.state === 'differs' && standing.taken);
    if (!told) throw new ProviderUnavailable(`the provider answered a capture with a charge that is ${standing.state}`);
    return answered(standing);
  });
}

/** Releases the money, and closes the payment's reference at the provider. Throws as {@link authorise} does. */
export async function release(provider: PaymentProvider, payment: Payment): Promise<Called> {
  return refusable('void', async () => {
    const { id } = payment;
    const answer = await provider.void({ reference: id, idempotencyKey: `${id}:void` });
    return answer.outcome === 'voided' ? answered({ state: 'voided' }) : answered(await ask(provider, payment));
  });
}

/**
 * What the provider says: the only reliable source after a missing answer.
 *
 * @throws ProviderUnavailable when it does not answer
 * @throws ProviderRefused when it refuses to say
 */
export async function ask(provider: PaymentProvider, payment: Payment): Promise<Standing> {
  return standingOf(await provider.lookUp(payment.id), payment);
}

function answered(standing: Standing): Called {
  return { outcome: 'answered', standing };
}

async function refusable(name: 'authorise' | 'capture' | 'void', call: () => Promise<Called>): Promise<Called> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ProviderRefused)) throw error;
    return { outcome: 'refused', call: name, code: 'provider_refused' };
  }
}
