import { type DisputeEvent, type KnownDispute, meaningOf, saysOfDispute } from './dispute-events';

const at = new Date('2026-01-02T00:00:00Z');
const posted: KnownDispute = {
  state: 'posted',
  amount: 400n,
  currency: 'EUR',
  booked: { amount: 400n },
  bookings: 1,
  wonAt: undefined,
  wonAmount: undefined,
  lostAt: undefined,
  providerSays: undefined,
};
const event = (type: 'opened' | 'won' | 'lost', amount = 400n, currency = 'EUR'): DisputeEvent => ({
  type: `chargeback.${type}`,
  amount,
  currency,
  at,
});
const reversed: KnownDispute = { ...posted, state: 'reversed', booked: { amount: 0n }, bookings: 2, wonAt: at };

test.each<[string, KnownDispute, DisputeEvent, object]>([
  ['opened again', posted, event('opened'), { does: 'nothing' }],
  ['won', posted, event('won'), { does: 'decide', won: true }],
  ['won in part', posted, event('won', 1n), { does: 'decide', won: true }],
  ['lost', posted, event('lost'), { does: 'decide', won: false }],
  ['won again', reversed, event('won'), { does: 'nothing' }],
  ['opened again after it was won', reversed, event('opened'), { does: 'nothing' }],
  ['lost after it was won', reversed, event('lost'), { does: 'contest', code: 'decided_again' }],
  [
    'won with another part',
    { ...reversed, wonAmount: 100n },
    event('won', 200n),
    { does: 'contest', code: 'decided_again' },
  ],
  ['opened with another amount', posted, event('opened', 399n), { does: 'contest', code: 'another_amount' }],
  ['lost with another amount', posted, event('lost', 399n), { does: 'contest', code: 'another_amount' }],
  ['won with more', posted, event('won', 401n), { does: 'contest', code: 'more_than_taken' }],
  ['won in USD', posted, event('won', 400n, 'USD'), { does: 'contest', code: 'another_currency' }],
  [
    'decided after it was dismissed',
    { ...posted, state: 'dismissed', booked: { amount: 0n }, bookings: 2 },
    event('lost'),
    { does: 'contest', code: 'decided_after_dismissal' },
  ],
])('%s', (_, known, told, meaning) => {
  expect(meaningOf(known, told)).toEqual(meaning);
});

test('what was contested before is a repetition, until it is told of another moment', () => {
  const told = event('opened', 399n);
  const contested = { ...posted, state: 'needs_review' as const, providerSays: saysOfDispute(told) };
  expect(meaningOf(contested, told)).toEqual({ does: 'nothing' });
  expect(meaningOf(contested, { ...told, at: new Date(at.getTime() + 1) })).toMatchObject({ does: 'contest' });
});

test('what a person decided is not contested by a report that agrees', () => {
  const resolved = { ...posted, booked: { amount: 300n }, bookings: 2 };
  expect(meaningOf(resolved, event('opened', 300n))).toEqual({ does: 'nothing' });
  expect(meaningOf(resolved, event('lost', 300n))).toEqual({ does: 'decide', won: false });
});
