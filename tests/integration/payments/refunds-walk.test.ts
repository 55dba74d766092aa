import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { newId, type PublicId } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { carryOnRefund, keepCallback, type PaymentDeps, paymentDeps } from '../../../domains/payments';
import type { PaymentProvider, ProviderRefund, RefundRequest } from '../../../domains/payments/provider/provider';
import { ProviderUnavailable } from '../../../domains/payments/provider/provider';
import { acceptRefunds } from '../../../domains/payments/refunding/accept-refunds';
import { createFirstRefundStep } from '../../../domains/payments/refunding/first-refund-step';
import { ProviderRefused } from '../../../domains/payments/rules/errors';
import type { ReportedRefund } from '../../../domains/payments/rules/reported-refund';
import { refundWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { readPayment } from '../../../domains/payments/store/payments';
import { type Refund, readRefund } from '../../../domains/payments/store/refunds';
import { createCoveredOutbox } from '../../../domains/webhooks';
import { inTransaction } from '../../../infra/postgres/pool';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';
import { storeRefund } from '../../support/refunds';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ worker: false });
});
afterAll(() => api.close());

/** What the provider does with a call that it receives; its keys are remembered unless they are forgotten. */
type Behaviour = 'makes' | 'half' | 'in usd' | 'pending' | 'refuses' | 'forbids' | 'fails';

/** What happens in one step of the refund's life. */
type Step =
  | {
      step: 'round';
      does: Behaviour;
      answer: 'given' | 'lost' | 'died';
      lookUp: 'given' | 'stale' | 'lost' | 'forbidden';
    }
  | { step: 'report'; of: 'succeeded' | 'failed'; copies: number }
  | { step: 'a day passes' };

const rounds: fc.Arbitrary<Extract<Step, { step: 'round' }>> = fc.record({
  step: fc.constant('round' as const),
  does: fc.constantFrom<Behaviour>(
    'makes',
    'makes',
    'half',
    'in usd',
    'pending',
    'refuses',
    'forbids',
    'forbids',
    'fails',
  ),
  answer: fc.constantFrom('given' as const, 'lost' as const, 'died' as const),
  lookUp: fc.constantFrom('given' as const, 'stale' as const, 'stale' as const, 'lost' as const, 'forbidden' as const),
});

const steps = fc.array<Step>(
  fc.oneof(
    { weight: 5, arbitrary: rounds },
    {
      weight: 2,
      arbitrary: fc.record({
        step: fc.constant('report' as const),
        of: fc.constantFrom('succeeded' as const, 'failed' as const),
        copies: fc.integer({ min: 1, max: 2 }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ step: 'a day passes' as const }) },
  ),
  { minLength: 1, maxLength: 8 },
);

const died: Extract<Step, { step: 'round' }> = { step: 'round', does: 'makes', answer: 'died', lookUp: 'given' };

/** What was once got wrong. */
const EXAMPLES: [Extract<Step, { step: 'round' }> | null, Step[]][] = [
  [null, [died, { step: 'round', does: 'forbids', answer: 'given', lookUp: 'stale' }]],
  [null, [died, { step: 'a day passes' }, { step: 'round', does: 'makes', answer: 'given', lookUp: 'stale' }]],
  [null, [{ ...died, does: 'half' }]],
  [died, [{ step: 'round', does: 'forbids', answer: 'given', lookUp: 'stale' }]],
];

/** The process dies: nothing after that is done. */
class Died extends Error {}

/** A provider that remembers keys for a day, and does what the step says with a call that is new to it. */
class ScriptedProvider {
  readonly made: ReportedRefund[] = [];
  #keys = new Map<string, ProviderRefund>();
  now: Extract<Step, { step: 'round' }> | undefined;

  forgetKeys(): void {
    this.#keys.clear();
  }

  asProvider(real: PaymentProvider): PaymentProvider {
    return {
      ...real,
      refund: async (request) => {
        const answer = this.#take(request);
        if (this.now?.answer === 'died') throw new Died();
        if (this.now?.answer === 'lost') throw new ProviderUnavailable('lost');
        return answer();
      },
      lookUpRefund: async (reference) => {
        if (this.now?.lookUp === 'lost') throw new ProviderUnavailable('lost');
        if (this.now?.lookUp === 'forbidden') throw new ProviderRefused('no', 'forbidden');
        // It does not show at once what was made a moment ago.
        if (this.now?.lookUp === 'stale') return [];
        return this.made.filter((one) => one.reference === reference).map((one) => ({ ...one }));
      },
    };
  }

  #take({ reference, amount, idempotencyKey }: RefundRequest): () => ProviderRefund {
    const does = this.now?.does ?? 'makes';
    const known = this.#keys.get(idempotencyKey);
    // A revoked key is refused before anything else is looked at.
    if (known !== undefined && does !== 'forbids') return () => known;
    if (does === 'forbids') {
      return () => {
        throw new ProviderRefused('no', 'forbidden');
      };
    }
    if (does === 'fails') {
      return () => {
        throw new ProviderUnavailable('500');
      };
    }
    const answer =
      does === 'refuses' ? ({ outcome: 'refused', code: 'no' } as const) : this.#make(reference, amount, does);
    this.#keys.set(idempotencyKey, answer);
    return () => answer;
  }

  #make(reference: string, amount: bigint, does: Behaviour): ProviderRefund {
    const refund: ReportedRefund = {
      id: `re_${this.made.length}_${reference}`,
      reference,
      state: does === 'pending' ? 'pending' : 'succeeded',
      amount: does === 'half' ? amount / 2n : amount,
      currency: does === 'in usd' ? 'USD' : 'EUR',
      code: undefined,
      at: new Date(),
    };
    this.made.push(refund);
    return { outcome: 'answered', refund: { ...refund } };
  }
}

async function walk(deps: PaymentDeps, provider: ScriptedProvider, id: string, all: readonly Step[]): Promise<void> {
  for (const step of all) {
    if (step.step === 'a day passes') {
      provider.forgetKeys();
      await deps.pool.query(
        "UPDATE refunds SET first_called_at = first_called_at - interval '25 hours' WHERE id = $1",
        [id.slice(4)],
      );
    }
    if (step.step === 'round') {
      provider.now = step;
      await carryOnRefund(deps, id, { lastUnclear: false, lastPending: false }).catch((error: unknown) => {
        if (!(error instanceof Died)) throw error;
      });
    }
    if (step.step === 'report') await report(deps, provider, step);
  }
}

async function report(
  deps: PaymentDeps,
  { made }: ScriptedProvider,
  { of, copies }: Extract<Step, { step: 'report' }>,
): Promise<void> {
  const last = made.at(-1);
  if (last === undefined || last.state === 'failed' || (of === 'succeeded' && last.state !== 'pending')) return;
  last.state = of;
  const data = {
    id: last.id,
    reference: last.reference,
    amount: last.amount,
    currency: last.currency ?? 'EUR',
    failure_code: of === 'failed' ? 'late' : null,
    occurred_at: new Date(),
  };
  for (let copy = 0; copy < copies; copy++) await keepCallback(deps, { type: `refund.${of}`, data }, deps.log);
}

/**
 * Accepts a refund as the API does, and has the accepting process take its first step; the lease is over at once, so that
 * others may go on.
 */
async function makeAtOnce(
  deps: PaymentDeps,
  provider: ScriptedProvider,
  paid: { id: PublicId; does: Extract<Step, { step: 'round' }> },
): Promise<PublicId> {
  const id = newId('ref');
  const claim = randomUUID();
  const request = {
    ...{ id, tenantId: api.tenantId as PublicId, paymentId: paid.id, amount: 600n, reason: undefined },
    ...{ requestKey: randomUUID(), workflowId: refundWorkflowId(id) },
  };
  const [accepted] = await inTransaction(deps.pool, (db) => acceptRefunds(db, [request], { claim, leaseMs: 0 }));
  if (accepted === undefined || !('refund' in accepted)) throw accepted ?? new Error('nothing was accepted');
  provider.now = paid.does;
  const step = createFirstRefundStep(deps, createCoveredOutbox(deps), claim);
  await step.make(accepted.refund, accepted.payment, Date.now() + 60_000);
  return id;
}

/** Lets the workflow go on until nothing more happens by itself. */
async function finish(deps: PaymentDeps, provider: ScriptedProvider, id: string): Promise<Refund> {
  provider.now = { step: 'round', does: 'makes', answer: 'given', lookUp: 'given' };
  await carryOnRefund(deps, id, { lastUnclear: false, lastPending: false });
  await carryOnRefund(deps, id, { lastUnclear: true, lastPending: true });
  const refund = await readRefund(deps.pool, id);
  if (refund === undefined) throw new Error('there is no refund');
  return refund;
}

test('whatever the provider does, and whenever processes die, what went back there went back here, or a person is asked', async () => {
  const { body: payment } = await api.payByCard('tok_ok', '1000');
  await api.pipeline.startWorker();
  await api.untilPayment(payment.id, 'captured');
  await fc.assert(
    fc.asyncProperty(fc.option(rounds), steps, async (first, all) => {
      const { body: paid } = await api.payByCard('tok_ok', '1000');
      const owed = await api.balance(ACCOUNTS.merchantPending(api.merchantId));
      const provider = new ScriptedProvider();
      const real = paymentDeps(api.pipeline.platform);
      const deps: PaymentDeps = { ...real, provider: () => provider.asProvider(real.provider()) };
      const id =
        first === null
          ? await storeRefund(api, paid.id, 600n)
          : await makeAtOnce(deps, provider, { id: paid.id, does: first });
      await walk(deps, provider, id, all);
      const refund = await finish(deps, provider, id);

      const back = provider.made.filter(({ state }) => state !== 'failed');
      expect(back.length).toBeLessThanOrEqual(1);
      expect(refund.state).not.toBe('pending');
      const asAsked = back.length === 1 && back[0]?.amount === 600n && back[0].currency === 'EUR';
      if (refund.state === 'succeeded') expect(asAsked).toBe(true);
      if (refund.state === 'failed') expect(back).toEqual([]);
      if (asAsked && back[0]?.state === 'succeeded') expect(['succeeded', 'needs_review']).toContain(refund.state);

      const booked = refund.state === 'succeeded' ? 600n : refund.bookedAmount;
      const after = await readPayment(api.deps.pool, paid.id);
      expect(after?.refundedAmount).toBe(booked);
      expect(after?.refundReserved).toBe(refund.state === 'failed' ? 0n : 600n);
      expect(await api.balance(ACCOUNTS.merchantPending(api.merchantId))).toBe(owed + booked);
      expect(await api.trialBalance()).toBe(0n);
    }),
    { numRuns: 30, examples: EXAMPLES, interruptAfterTimeLimit: 120_000 },
  );
}, 180_000);
