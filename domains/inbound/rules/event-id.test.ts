import fc from 'fast-check';
import { identify } from './event-id';
import { textAt } from './json-pointer';
import { DEFAULT_EVENT_ID, type EventIdFrom, type RequestHeaders, type Scheme, type Verifiable } from './schemes';

function source(scheme: Scheme, eventId: EventIdFrom = DEFAULT_EVENT_ID[scheme]): Verifiable {
  return { scheme, signing: undefined, topicArns: [], eventId, toleranceMs: 300_000 };
}

function keyOf(from: Verifiable, headers: RequestHeaders, body: string, signedAtMs?: number): string {
  return identify(from, { headers, body: Buffer.from(body), signedAtMs }).key.toString('hex');
}

test('a signed id stands alone: a repetition may be written differently', () => {
  const stripe = source('stripe');
  expect(keyOf(stripe, {}, '{"id":"evt_1","pending_webhooks":2}')).toBe(
    keyOf(stripe, {}, '{"pending_webhooks":1,"id":"evt_1"}'),
  );
  expect(keyOf(stripe, {}, '{"id":"evt_1"}')).not.toBe(keyOf(stripe, {}, '{"id":"evt_2"}'));
  const standard = source('standard-webhooks');
  expect(keyOf(standard, { 'webhook-id': 'a' }, '1', 1)).toBe(keyOf(standard, { 'svix-id': 'a' }, '2', 2));
});

test('an id that is not signed makes nobody else’s event a repetition', () => {
  const github = source('github');
  const first = keyOf(github, { 'x-github-delivery': 'd1' }, '{"a":1}');
  expect(keyOf(github, { 'x-github-delivery': 'd1' }, '{"a":1}')).toBe(first);
  expect(keyOf(github, { 'x-github-delivery': 'd1' }, '{"a":2}')).not.toBe(first);
  expect(keyOf(github, { 'x-github-delivery': 'd2' }, '{"a":1}')).not.toBe(first);
});

test('without an id, body and time of signing are the identity', () => {
  const generic = source('hmac-hex');
  expect(keyOf(generic, {}, 'x', 1_000)).toBe(keyOf(generic, {}, 'x', 1_000));
  expect(keyOf(generic, {}, 'x', 1_000)).not.toBe(keyOf(generic, {}, 'x', 2_000));
  const pointer = source('hmac-hex', { from: 'pointer', pointer: '/event/id' });
  expect(keyOf(pointer, {}, 'no json', 1_000)).toBe(keyOf(generic, {}, 'no json', 1_000));
});

test('ids that differ make keys that differ, whatever their size and characters', () => {
  const standard = source('standard-webhooks');
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 600 }),
      fc.string({ minLength: 1, maxLength: 600 }),
      (one, other) => {
        fc.pre(one !== other);
        expect(keyOf(standard, { 'webhook-id': one }, '')).not.toBe(keyOf(standard, { 'webhook-id': other }, ''));
      },
    ),
  );
  const shown = (id: string) =>
    identify(standard, { headers: { 'webhook-id': id }, body: Buffer.alloc(0), signedAtMs: 1 }).externalId;
  expect([shown('msg_1'), shown('x'.repeat(256)), shown('a\u0000')]).toEqual(['msg_1', undefined, undefined]);
});

test.each([
  ['/id', '{"id":"a"}', 'a'],
  ['/id', ' { "id" : 12345678901234567890 } ', '12345678901234567890'],
  ['/id', '{"id":"a","id":"b"}', 'b'],
  ['/a~1b/1/~0', '{"a/b":[1,{"~":"x\\u0041"}]}', 'xA'],
  ['/id', '{"id":null}', undefined],
  ['/id', '{"id":{}}', undefined],
  ['/id/x', '{"id":"x"}', undefined],
  ['/id', '["id"]', undefined],
  ['/id', 'not json', undefined],
  ['/id', '{"id":"a"', undefined],
  ['/0', '["a"]', 'a'],
  ['/1', '["a"]', undefined],
])('%s in %s', (pointer, body, expected) => {
  expect(textAt(Buffer.from(body), pointer)).toBe(expected);
});

test('an id of bytes that are no text is none', () => {
  expect(textAt(Buffer.from([0x7b, 0xff]), '/id')).toBeUndefined();
});
