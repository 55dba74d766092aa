import { randomBytes } from 'node:crypto';
import { TEST_CARDS, type TokenBehaviour } from './fake-provider-tokens';

export interface FakeRefund {
  id: string;
  reference: string;
  state: 'pending' | 'succeeded' | 'failed';
  amount: string;
  currency: string;
  failure_code: string | null;
  created_at: string;
}

export interface FakeCharge {
  id: string;
  reference: string;
  state: 'authorised' | 'captured' | 'voided' | 'declined';
  amount: string;
  currency: string;
  source: string;
  decline_code: string | null;
  captured_at: string | null;
  refunds: FakeRefund[];
}

/** An answer of the provider. */
export interface FakeAnswer {
  status: number;
  body: object;
}

/**
 * The charges of a provider. It does as asked: a second authorisation with another idempotency key makes a second
 * charge, so that charging twice shows.
 */
export class Charges {
  readonly #byId = new Map<string, FakeCharge>();
  readonly #byReference = new Map<string, FakeCharge[]>();
  readonly #refunds = new Map<string, FakeRefund[]>();
  readonly #closed = new Set<string>();

  get all(): FakeCharge[] {
    return [...this.#byId.values()];
  }

  behaviourOf(chargeId: string): TokenBehaviour {
    return TEST_CARDS[this.#byId.get(chargeId)?.source ?? ''] ?? {};
  }

  withReference(reference: string): FakeCharge[] {
    return this.#byReference.get(reference) ?? [];
  }

  find(chargeId: string): FakeCharge | undefined {
    return this.#byId.get(chargeId);
  }

  refundsOf(reference: string): FakeRefund[] {
    return this.#refunds.get(reference) ?? [];
  }

  authorise(request: Record<string, string>): FakeAnswer {
    const { reference = '', amount = '', currency = '', source = '' } = request;
    if (reference === '' || !/^[1-9]\d*$/.test(amount) || currency === '') return refusal(400, 'invalid_request');
    if (this.#closed.has(reference)) return refusal(409, 'reference_closed');
    const refuse =
      TEST_CARDS[source] === undefined ? 'invalid_card' : (TEST_CARDS[source]?.authorise?.refuse ?? undefined);
    const { percent = 100n } = TEST_CARDS[source]?.authorise ?? {};
    const charge: FakeCharge = {
      id: `ch_${randomBytes(12).toString('hex')}`,
      reference,
      state: refuse === undefined ? 'authorised' : 'declined',
      amount: share(amount, percent),
      currency,
      source,
      decline_code: refuse ?? null,
      captured_at: null,
      refunds: [],
    };
    this.#byId.set(charge.id, charge);
    this.#byReference.set(reference, [...this.withReference(reference), charge]);
    return refuse === undefined ? { status: 201, body: { ...charge } } : refusal(402, refuse);
  }

  capture(chargeId: string): FakeAnswer {
    const charge = this.#byId.get(chargeId);
    if (charge === undefined) return refusal(404, 'unknown_charge');
    const refuse = this.behaviourOf(chargeId).capture?.refuse;
    if (refuse !== undefined) return refusal(402, refuse);
    if (charge.state === 'captured') return refusal(409, 'already_captured');
    if (charge.state !== 'authorised') return refusal(409, `charge_${charge.state}`);
    const { percent = 100n, currency = charge.currency } = this.behaviourOf(chargeId).capture ?? {};
    charge.state = 'captured';
    charge.amount = share(charge.amount, percent);
    charge.currency = currency;
    charge.captured_at = new Date().toISOString();
    return { status: 200, body: { ...charge } };
  }

  /** Voids what is authorised under a reference, and refuses further authorisations for it. */
  void(reference: string): FakeAnswer {
    const charges = this.withReference(reference);
    if (charges.some(({ state }) => state === 'captured')) return refusal(409, 'already_captured');
    this.#closed.add(reference);
    for (const charge of charges) if (charge.state === 'authorised') charge.state = 'voided';
    return { status: 200, body: { data: charges.map((charge) => ({ ...charge })) } };
  }

  refund(chargeId: string, request: Record<string, string>): FakeAnswer {
    const { reference = '', amount = '' } = request;
    const charge = this.#byId.get(chargeId);
    if (charge === undefined) return refusal(404, 'unknown_charge');
    const refuse = this.behaviourOf(chargeId).refund?.refuse;
    if (refuse !== undefined) return refusal(402, refuse);
    if (charge.state !== 'captured') return refusal(409, `charge_${charge.state}`);
    if (!/^[1-9]\d*$/.test(amount)) return refusal(400, 'invalid_request');
    const made = charge.refunds.filter(({ state }) => state !== 'failed');
    const refunded = made.reduce((sum, refund) => sum + BigInt(refund.amount), 0n);
    if (refunded + BigInt(amount) > BigInt(charge.amount)) return refusal(402, 'amount_too_large');
    const behaviour = this.behaviourOf(chargeId).refund;
    const refund: FakeRefund = {
      id: `re_${randomBytes(12).toString('hex')}`,
      reference,
      state: behaviour?.ends === undefined ? 'succeeded' : 'pending',
      amount: behaviour?.half === true ? (BigInt(amount) / 2n).toString() : amount,
      currency: behaviour?.currency ?? charge.currency,
      failure_code: null,
      created_at: new Date().toISOString(),
    };
    charge.refunds.push(refund);
    this.#refunds.set(reference, [...this.refundsOf(reference), refund]);
    return { status: 201, body: { ...refund } };
  }
}

function share(amount: string, percent: bigint): string {
  return ((BigInt(amount) * percent) / 100n).toString();
}

export function refusal(status: number, code: string): FakeAnswer {
  return { status, body: { error: { code } } };
}
