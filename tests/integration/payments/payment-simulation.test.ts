import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { type PaymentDeps, paymentDeps } from '../../../domains/payments/deps';
import { carryOn } from '../../../domains/payments/paying/carry-on';
import { createFirstStepMaker } from '../../../domains/payments/paying/first-step';
import { flagPayment } from '../../../domains/payments/paying/flag-payment';
import { isEnded } from '../../../domains/payments/rules/payment-states';
import { paymentWorkflowId } from '../../../domains/payments/rules/workflow-names';
import { acceptPayments } from '../../../domains/payments/store/accept-payments';
import { type Payment, readPayment } from '../../../domains/payments/store/payments';
import { createCoveredOutbox } from '../../../domains/webhooks';
import { type CapriciousProvider, createCapriciousProvider } from '../../support/capricious-provider';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi({ worker: false, env: { WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW: '1h' } });
});
afterAll(() => api.close());

const LEASE_MS = 60_000;
const ROUNDS = 12;

const fate = fc.constantFrom('done', 'done', 'lost-before', 'lost-after', 'late', 'refused');
/** What happens to a payment, one after the other. */
const happening = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('round' as const), lettingGo: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ what: 'two at once' as const }) },
  { weight: 2, arbitrary: fc.constant({ what: 'late calls arrive' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'keys are forgotten' as const }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

async function accepted(token: string, claim: string | undefined): Promise<Payment> {
  const id = newId('pay');
  const orderId = (await api.newOrder('100')) as PublicId;
  const request = {
    id,
    tenantId: api.tenantId as PublicId,
    orderId,
    source: { type: 'card' as const, token },
    requestKey: randomUUID(),
    workflowId: paymentWorkflowId(id),
  };
  const [payment] = await acceptPayments(api.deps.pool, [request], { claim, leaseMs: LEASE_MS });
  if (payment === undefined) throw new Error('the payment was not accepted');
  return payment;
}

async function happen(deps: PaymentDeps, provider: CapriciousProvider, { id }: Payment, next: Happening) {
  const round = (lettingGo: boolean) =>
    carryOn(deps, id, { claim: randomUUID(), lettingGo, nextRoundMs: 0 }).catch(() => undefined);
  switch (next.what) {
    case 'round':
      // Whoever held the lease is gone.
      await api.deps.pool.query('UPDATE payments SET next_step_at = now() WHERE id = $1', [toUuid(id)]);
      await round(next.lettingGo);
      return;
    case 'two at once':
      await Promise.all([round(false), round(true)]);
      return;
    case 'late calls arrive':
      provider.arrive();
      return;
    case 'keys are forgotten':
      provider.arrive();
      provider.forgetKeys();
      await api.deps.pool.query(
        "UPDATE payments SET first_called_at = first_called_at - interval '2 hours' WHERE id = $1",
        [toUuid(id)],
      );
  }
}

test('whatever the provider does and whoever dies: charged at most once, booked as charged, nothing left open', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('tok_ok', 'tok_ok', 'tok_ok', 'tok_declined', 'tok_capture_refused'),
      fc.constantFrom('api', 'api', 'dies', 'workflow'),
      fc.array(fate, { minLength: 2, maxLength: 10 }),
      fc.array(happening, { minLength: 1, maxLength: 5 }),
      async (token, first, fates, happenings) => {
        const provider = createCapriciousProvider();
        const deps: PaymentDeps = { ...paymentDeps(api.pipeline.platform), provider: () => provider };
        const claim = first === 'workflow' ? undefined : randomUUID();
        const payment = await accepted(token, claim);
        provider.fates.push(...fates);
        if (first === 'api' && claim !== undefined) {
          const maker = createFirstStepMaker(deps, createCoveredOutbox(deps), claim);
          await maker.make(payment, Date.now() + LEASE_MS);
        }
        for (const next of happenings) await happen(deps, provider, payment, next);

        // All is well again, and the workflow has its rounds.
        provider.fates.length = 0;
        provider.arrive();
        for (let round = 0; round < ROUNDS; round++) {
          const now = await readPayment(api.deps.pool, payment.id);
          if (now !== undefined && isEnded(now)) break;
          await happen(deps, provider, payment, { what: 'round', lettingGo: round > 3 });
        }
        await flagPayment(deps, payment.id, 'provider_unreachable');
        await audit(provider, payment);
      },
    ),
    { numRuns: 60 },
  );
}, 240_000);

async function audit(provider: CapriciousProvider, { id, orderId, amount }: Payment): Promise<void> {
  const payment = (await readPayment(api.deps.pool, id)) as Payment;
  const charges = provider.charges.withReference(id);
  const taken = charges.filter(({ state }) => state === 'captured');
  const held = charges.filter(({ state }) => state === 'authorised');
  const { rows } = await api.deps.pool.query(
    `SELECT coalesce(sum(e.amount), 0)::text AS posted FROM ledger_transactions t
     JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id
     WHERE t.external_ref = $1 AND a.code = $2`,
    [id, ACCOUNTS.pspClearing],
  );
  const order = (await api.call('GET', `/v1/orders/${orderId}`)).body.state;
  const seen = { state: payment.state, taken: taken.length, held: held.length, posted: rows[0].posted, order };
  expect(taken.length).toBeLessThanOrEqual(1);
  if (payment.state === 'needs_review') {
    expect(seen).toMatchObject({ posted: '0', order: 'paying' });
  } else if (payment.state === 'captured') {
    expect(seen).toEqual({ state: 'captured', taken: 1, held: 0, posted: amount.toString(), order: 'paid' });
  } else {
    expect(['declined', 'failed', 'voided']).toContain(payment.state);
    expect(seen).toEqual({ state: payment.state, taken: 0, held: 0, posted: '0', order: 'created' });
  }
  expect(await api.trialBalance()).toBe(0n);
}
