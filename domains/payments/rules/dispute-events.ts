import type { ChargebackState } from './chargeback-states';

/** What the provider reports about a dispute. For a won one, `amount` is what comes back. */
export interface DisputeEvent {
  type: 'chargeback.opened' | 'chargeback.won' | 'chargeback.lost';
  amount: bigint;
  currency: string;
  at: Date;
}

/** A report as it is kept for a person to look at. */
export interface DisputeSays {
  type: DisputeEvent['type'];
  amount: string;
  currency: string;
  at: string;
}

/** What is known of a dispute. */
export interface KnownDispute {
  state: ChargebackState;
  amount: bigint;
  currency: string;
  booked: { amount: bigint };
  bookings: number;
  wonAt: Date | undefined;
  wonAmount: bigint | undefined;
  lostAt: Date | undefined;
  providerSays: DisputeSays | undefined;
}

/** What a report means for a known dispute; `contest`: it does not fit, and a person has to look. */
export type DisputeMeaning =
  | { does: 'nothing' }
  | { does: 'decide'; won: boolean }
  | { does: 'contest'; code: DisputeContest };

export type DisputeContest =
  | 'another_charge'
  | 'another_amount'
  | 'another_currency'
  | 'more_than_taken'
  | 'decided_again'
  | 'decided_after_dismissal';

/**
 * Holds a report against what is known of the dispute. A repetition means nothing, whichever came first and however often
 * it comes.
 */
export function meaningOf(known: KnownDispute, event: DisputeEvent): DisputeMeaning {
  if (isRepetition(known, event)) return { does: 'nothing' };
  if (event.currency !== known.currency) return { does: 'contest', code: 'another_currency' };
  if (event.type === 'chargeback.opened') return { does: 'contest', code: 'another_amount' };
  const won = event.type === 'chargeback.won';
  if (known.state === 'dismissed') return { does: 'contest', code: 'decided_after_dismissal' };
  if (known.wonAt !== undefined || known.lostAt !== undefined) return { does: 'contest', code: 'decided_again' };
  const taken = known.bookings === 0 ? known.amount : known.booked.amount;
  if (won ? event.amount > taken : event.amount !== known.amount && event.amount !== taken) {
    return { does: 'contest', code: won ? 'more_than_taken' : 'another_amount' };
  }
  return { does: 'decide', won };
}

function isRepetition(known: KnownDispute, { type, amount, currency, at }: DisputeEvent): boolean {
  const says = known.providerSays;
  const contested = says !== undefined && says.type === type && says.at === at.toISOString();
  if (contested && says.amount === amount.toString() && says.currency === currency) return true;
  if (currency !== known.currency) return false;
  if (type === 'chargeback.won') return known.wonAt !== undefined && amount === (known.wonAmount ?? known.amount);
  const asKnown = amount === known.amount || amount === known.booked.amount;
  return asKnown && (type === 'chargeback.opened' || known.lostAt !== undefined);
}

export function saysOfDispute({ type, amount, currency, at }: DisputeEvent): DisputeSays {
  return { type, amount: amount.toString(), currency, at: at.toISOString() };
}
