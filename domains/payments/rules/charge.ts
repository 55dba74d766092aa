/** A charge as the provider has it. Every charge names our reference, the payment's id. */
export interface Charge {
  id: string;
  reference: string;
  state: 'authorised' | 'captured' | 'voided' | 'declined';
  /** Minor units: what is authorised or captured, which may be a part of what was asked for. */
  amount: bigint;
  currency: string;
  declineCode: string | undefined;
  capturedAt: Date | undefined;
}

/** What a payment asks the provider for. */
export interface Asked {
  id: string;
  amount: bigint;
  currency: string;
}

/** What the provider holds for a payment that differs from what was asked. */
export interface ProviderSays {
  chargeId: string;
  state: Charge['state'];
  amount: string;
  currency: string;
}

/**
 * How a payment stands at the provider. `differs`: money is taken or promised, but not this payment's amount, currency or
 * reference, or more than once.
 */
export type Standing =
  | { state: 'none' }
  | { state: 'authorised'; charge: Charge }
  | { state: 'captured'; charge: Charge }
  | { state: 'declined'; code: string }
  | { state: 'voided' }
  | { state: 'differs'; taken: boolean; code: DifferenceCode; says: ProviderSays };

export type DifferenceCode = 'amount_mismatch' | 'charged_twice';

/** Compares the provider's charges with what was asked for. */
export function standingOf(charges: readonly Charge[], asked: Asked): Standing {
  const taken = charges.filter(({ state }) => state === 'captured');
  const promised = charges.filter(({ state }) => state === 'authorised');
  const charge = taken[0] ?? promised[0];
  if (charge === undefined) return withoutMoney(charges);
  const code = taken.length > 1 ? 'charged_twice' : matches(charge, asked) ? undefined : 'amount_mismatch';
  if (code !== undefined) return { state: 'differs', taken: taken.length > 0, code, says: saysOf(charge) };
  return taken.length > 0 ? { state: 'captured', charge } : { state: 'authorised', charge };
}

function withoutMoney(charges: readonly Charge[]): Standing {
  const last = charges.at(-1);
  if (last === undefined) return { state: 'none' };
  return last.state === 'declined' ? { state: 'declined', code: last.declineCode ?? 'unknown' } : { state: 'voided' };
}

function matches(charge: Charge, { id, amount, currency }: Asked): boolean {
  return charge.reference === id && charge.amount === amount && charge.currency === currency;
}

/** A charge as it is kept for a person to look at. */
export function saysOf({ id, state, amount, currency }: Charge): ProviderSays {
  return { chargeId: id, state, amount: amount.toString(), currency };
}
