import fc from 'fast-check';
import { matchingPatterns } from './event-type';

const word = fc.stringMatching(/^[a-c_-]{1,2}$/);
const eventType = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'));
const pattern = fc.oneof(
  fc.constant('*'),
  eventType,
  eventType.map((prefix) => `${prefix}.*`),
);

/** What a subscription means, said the other way round: from the pattern's side. */
function matches(subscription: string, type: string): boolean {
  if (subscription === '*') return true;
  return subscription.endsWith('.*') ? type.startsWith(subscription.slice(0, -1)) : type === subscription;
}

test('an event type matches itself, each prefix with a star, and the star alone', () => {
  expect(matchingPatterns('order.item.added')).toEqual(['order.item.added', 'order.item.*', 'order.*', '*']);
  expect(matchingPatterns('ping')).toEqual(['ping', '*']);
});

test('a prefix ends at a dot, and does not match the type of its own name', () => {
  expect(matchingPatterns('orders.created')).not.toContain('order.*');
  expect(matchingPatterns('order')).not.toContain('order.*');
});

test('a pattern is listed exactly when it matches', () => {
  fc.assert(
    fc.property(eventType, pattern, (type, subscription) => {
      expect(matchingPatterns(type).includes(subscription)).toBe(matches(subscription, type));
    }),
    { numRuns: 1_000 },
  );
});

test('no pattern is listed twice, and there is one for each word and one more', () => {
  fc.assert(
    fc.property(eventType, (type) => {
      const patterns = matchingPatterns(type);
      expect(new Set(patterns).size).toBe(patterns.length);
      expect(patterns).toHaveLength(type.split('.').length + 1);
    }),
  );
});
