import {
  type Authorisation,
  type Capture,
  type PaymentProvider,
  ProviderUnavailable,
  type Voiding,
} from '../../domains/payments/provider/provider';
import { chargeSchema } from '../../domains/payments/provider/wire';
import type { Charge } from '../../domains/payments/rules/charge';
import { ProviderRefused } from '../../domains/payments/rules/errors';
import { Charges, type FakeAnswer } from '../../infra/setup/stand-ins/fake-provider-charges';

/** What becomes of a call. `late`: it is carried out only when {@link CapriciousProvider.arrive} is called. */
export type Fate = 'done' | 'lost-before' | 'lost-after' | 'late' | 'refused';

/** A provider whose calls meet the fates that it is told, one after the other, and are done once there are none left. */
export interface CapriciousProvider extends PaymentProvider {
  charges: Charges;
  fates: Fate[];
  /** Carries out the calls that were late. */
  arrive(): void;
  /** Forgets idempotency keys, as providers do after a day. */
  forgetKeys(): void;
}

export function createCapriciousProvider(): CapriciousProvider {
  const charges = new Charges();
  const answers = new Map<string, FakeAnswer>();
  let late: (() => void)[] = [];
  const fates: Fate[] = [];

  async function call(key: string, act: () => FakeAnswer): Promise<FakeAnswer> {
    const once = () => {
      const answer = answers.get(key) ?? act();
      answers.set(key, answer);
      return answer;
    };
    const fate = fates.shift() ?? 'done';
    if (fate === 'refused') throw new ProviderRefused('not now', 'forbidden');
    if (fate === 'late') late.push(once);
    if (fate === 'lost-after') once();
    if (fate !== 'done') throw new ProviderUnavailable('no answer');
    return once();
  }

  function charge({ status, body }: FakeAnswer): Charge {
    if (status >= 400) throw new ProviderRefused('refused', 'conflict');
    return chargeSchema.parse(body);
  }

  return {
    charges,
    fates,
    arrive() {
      for (const act of late) act();
      late = [];
    },
    forgetKeys: () => answers.clear(),
    async authorise({ reference, amount, currency, token, idempotencyKey }): Promise<Authorisation> {
      const request = { reference, amount: amount.toString(), currency, source: token };
      const answer = await call(idempotencyKey, () => charges.authorise(request));
      return answer.status === 402
        ? { outcome: 'declined', code: 'card_declined' }
        : { outcome: 'answered', charge: charge(answer) };
    },
    async capture({ chargeId, idempotencyKey }): Promise<Capture> {
      const answer = await call(idempotencyKey, () => charges.capture(chargeId));
      return answer.status === 402
        ? { outcome: 'refused', code: 'capture_refused' }
        : { outcome: 'answered', charge: charge(answer) };
    },
    async void({ reference, idempotencyKey }): Promise<Voiding> {
      const answer = await call(idempotencyKey, () => charges.void(reference));
      return answer.status === 409 ? { outcome: 'captured' } : { outcome: 'voided' };
    },
    async lookUp(reference) {
      const fate = fates.shift() ?? 'done';
      if (fate === 'refused') throw new ProviderRefused('not now', 'forbidden');
      if (fate !== 'done') throw new ProviderUnavailable('no answer');
      return charges.withReference(reference).map((found) => chargeSchema.parse(found));
    },
    refund: () => Promise.reject(new Error('not part of this')),
    lookUpRefund: () => Promise.reject(new Error('not part of this')),
  };
}
