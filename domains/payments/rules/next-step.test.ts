import fc from 'fast-check';
import { type Charge, standingOf } from './charge';
import { nextStep, type Past } from './next-step';

const ASKED = { id: 'pay_1', amount: 100n, currency: 'EUR' };

const charge = fc.record<Charge>({
  id: fc.constantFrom('ch_1', 'ch_2'),
  reference: fc.constantFrom('pay_1', 'pay_1', 'pay_1', 'pay_2'),
  state: fc.constantFrom('authorised', 'captured', 'voided', 'declined'),
  amount: fc.constantFrom(100n, 100n, 100n, 60n, 160n, 0n),
  currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD'),
  declineCode: fc.constantFrom(undefined, 'card_declined'),
  capturedAt: fc.constantFrom(undefined, new Date(0)),
});
const past = fc.record<Past>(
  {
    mayHaveCalled: fc.boolean(),
    keysAreKnown: fc.boolean(),
    lettingGo: fc.boolean(),
    refused: fc.record({ call: fc.constantFrom('authorise', 'capture', 'void'), code: fc.constant('refused') }),
  },
  { requiredKeys: ['mayHaveCalled', 'keysAreKnown', 'lettingGo'] },
);

const isTaken = ({ state }: Charge) => state === 'captured';
const matches = ({ reference, amount, currency }: Charge) =>
  reference === ASKED.id && amount === ASKED.amount && currency === ASKED.currency;

test('whatever the provider says: money is booked only as asked, and no payment ends while money may be held', () => {
  fc.assert(
    fc.property(fc.array(charge, { maxLength: 3 }), past, (charges, before) => {
      const step = nextStep(standingOf(charges, ASKED), before);
      const taken = charges.filter(isTaken);
      const held = charges.some(({ state }) => state === 'authorised');
      if (step.do === 'post') expect(taken.filter(matches)).toEqual(taken.slice(0, 1));
      if (taken.length > 0) expect(['post', 'review']).toContain(step.do);
      if (step.do === 'end') expect(taken.length > 0 || held).toBe(false);
      if (step.do === 'end' && step.state === 'failed') {
        expect([before.mayHaveCalled, before.refused?.call]).toEqual([false, 'authorise']);
      }
      const repeats = step.do === 'authorise' || step.do === 'capture';
      if (repeats) expect([before.keysAreKnown, before.lettingGo, before.refused]).toEqual([true, false, undefined]);
    }),
    { numRuns: 2_000 },
  );
});

test.each<[string, readonly Partial<Charge>[], Partial<Past>, object]>([
  ['nothing known, never called', [], {}, { do: 'authorise' }],
  ['nothing known after an unanswered call', [], { mayHaveCalled: true }, { do: 'authorise' }],
  ['the only call refused', [], { refused: { call: 'authorise', code: 'x' } }, { do: 'end', state: 'failed' }],
  ['a later call refused', [], { mayHaveCalled: true, refused: { call: 'authorise', code: 'x' } }, { do: 'void' }],
  ['authorised', [{}], {}, { do: 'capture', chargeId: 'ch_1' }],
  ['authorised, and nobody waits any more', [{}], { lettingGo: true }, { do: 'void', code: 'provider_unreachable' }],
  ['authorised, and the keys are forgotten', [{}], { keysAreKnown: false }, { do: 'void', code: 'too_late' }],
  ['authorised in part', [{ amount: 60n }], {}, { do: 'void', code: 'amount_mismatch' }],
  ['captured in part', [{ amount: 60n, state: 'captured' }], {}, { do: 'review', code: 'amount_mismatch' }],
  ['captured twice', [{ state: 'captured' }, { state: 'captured' }], {}, { do: 'review', code: 'charged_twice' }],
  ['voided by somebody', [{ state: 'voided' }], {}, { do: 'end', state: 'voided', code: 'voided_at_provider' }],
  ['a void refused', [{}], { refused: { call: 'void', code: 'x' } }, { do: 'review', code: 'void_refused' }],
])('%s', (_name, charges, before, step) => {
  const whole: Charge = {
    id: 'ch_1',
    reference: 'pay_1',
    state: 'authorised',
    amount: 100n,
    currency: 'EUR',
    declineCode: undefined,
    capturedAt: undefined,
  };
  const found = standingOf(
    charges.map((part) => ({ ...whole, ...part })),
    ASKED,
  );
  const known: Past = { mayHaveCalled: false, keysAreKnown: true, lettingGo: false, ...before };
  expect(nextStep(found, known)).toMatchObject(step);
});
