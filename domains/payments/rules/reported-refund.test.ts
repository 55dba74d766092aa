import { type ReportedRefund, refundStanding, saidBefore, saysOfRefund } from './reported-refund';

const asked = { id: 'ref_1', amount: 500n, currency: 'EUR' };
const made: ReportedRefund = {
  id: 're_1',
  reference: 'ref_1',
  state: 'succeeded',
  amount: 500n,
  currency: 'EUR',
  code: undefined,
  at: new Date(0),
};

test('what was asked for is refunded, pending or failed, as the provider says', () => {
  expect(refundStanding([], asked)).toEqual({ state: 'none' });
  expect(refundStanding([made], asked)).toEqual({ state: 'refunded', refund: made });
  expect(refundStanding([{ ...made, currency: undefined }], asked).state).toBe('refunded');
  expect(refundStanding([{ ...made, state: 'pending' }], asked).state).toBe('pending');
  expect(refundStanding([{ ...made, state: 'failed' }], asked)).toMatchObject({
    state: 'failed',
    code: 'refund_failed',
  });
  const failedFirst = [{ ...made, id: 're_0', state: 'failed' as const }, made];
  expect(refundStanding(failedFirst, asked)).toEqual({ state: 'refunded', refund: made });
});

test.each<[string, Partial<ReportedRefund>]>([
  ['amount', { amount: 499n }],
  ['no amount', { amount: 0n }],
  ['currency', { currency: 'USD' }],
  ['reference', { reference: 'ref_2' }],
  ['amount that is pending', { amount: 300n, state: 'pending' }],
])('another %s is a difference', (_, other) => {
  const found = refundStanding([{ ...made, ...other }], asked);
  expect(found).toMatchObject({ state: 'differs', code: 'amount_mismatch', says: [{ refundId: 're_1' }] });
});

test('two that move money are a difference, whatever their amounts', () => {
  expect(refundStanding([made, { ...made, id: 're_2' }], asked)).toMatchObject({ code: 'refunded_twice' });
});

test('what was said before is known by its content', () => {
  const says = [saysOfRefund(made)];
  expect(saidBefore(undefined, says)).toBe(false);
  expect(saidBefore([{ ...saysOfRefund(made) }], says)).toBe(true);
  expect(saidBefore([{ ...saysOfRefund(made), amount: '1' }], says)).toBe(false);
});
