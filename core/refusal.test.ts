import { Refusal, refusalOf } from './refusal';

class ShopRefusal extends refusalOf({ 'no-such-shop': 'not-found', closed: 'wrong-state' }) {}

test("a domain's refusal says of what kind it is, by its code", () => {
  const refusal = new ShopRefusal('closed', 'The shop is closed.', { retryAfterSeconds: 5 });
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({
    name: 'ShopRefusal',
    code: 'closed',
    kind: 'wrong-state',
    message: 'The shop is closed.',
    options: { retryAfterSeconds: 5 },
  });
  expect(new ShopRefusal('no-such-shop').kind).toBe('not-found');
});
