import fc from 'fast-check';
import { payloadOf } from './payload';
import { eventTypeOf, keptHeaders } from './route';

test('JSON goes on as it came, character by character', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (json, space) => {
      const text = `${space}${json}${space}`;
      expect(payloadOf(Buffer.from(text), 'text/plain')).toBe(text);
    }),
  );
  expect(payloadOf(Buffer.from('{"n":1.0,"n":12345678901234567890}'), undefined)).toBe(
    '{"n":1.0,"n":12345678901234567890}',
  );
});

test('everything else is wrapped so that nothing is lost', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const body = Buffer.from(bytes);
      const payload = payloadOf(body, 'application/x-thing');
      const value = JSON.parse(payload);
      if (payload === body.toString()) return;
      expect(value.contentType).toBe('application/x-thing');
      expect(Buffer.from(value.body, value.encoding === 'base64' ? 'base64' : 'utf8').equals(body)).toBe(true);
    }),
  );
  expect(JSON.parse(payloadOf(Buffer.from('a=1&b=2'), 'application/x-www-form-urlencoded'))).toEqual({
    contentType: 'application/x-www-form-urlencoded',
    encoding: 'utf-8',
    body: 'a=1&b=2',
  });
  expect(JSON.parse(payloadOf(Buffer.from('\ufeff{}'), undefined)).body).toBe('\ufeff{}');
  expect(JSON.parse(payloadOf(Buffer.from('['.repeat(101) + ']'.repeat(101)), undefined)).encoding).toBe('utf-8');
});

const to = (kindFrom: Parameters<typeof eventTypeOf>[0]['kindFrom']) =>
  ({ to: 'endpoints', eventType: 'shop', kindFrom, channels: [] }) as const;

test.each([
  ['orders/create', 'shop.orders.create'],
  ['pull_request', 'shop.pull_request'],
  ['a..b//c', 'shop.a.b.c'],
  ['ä b', 'shop._.b'],
  ['', 'shop'],
  ['x'.repeat(200), 'shop'],
])('the kind %s makes the type %s', (kind, expected) => {
  const header = { from: 'header', header: 'x-topic' } as const;
  expect(eventTypeOf({ ...to(header), channels: [] }, { 'x-topic': kind }, Buffer.alloc(0))).toBe(expected);
});

test('a kind in the body, and none', () => {
  const body = Buffer.from('{"type":"invoice.paid"}');
  expect(eventTypeOf({ ...to({ from: 'pointer', pointer: '/type' }), channels: [] }, {}, body)).toBe(
    'shop.invoice.paid',
  );
  expect(eventTypeOf({ ...to(undefined), channels: [] }, {}, body)).toBe('shop');
});

test('of the headers those are kept that say something, and never a credential', () => {
  const headers = {
    'x-github-event': 'push',
    'x-hub-signature-256': 'sha256=1',
    'x-shopify-hmac-sha256': 'x',
    authorization: 'Bearer x',
    cookie: 'x',
    'x-mine': 'kept',
    'x-other': 'dropped',
    'content-type': 'application/json',
  };
  expect(keptHeaders(headers, ['x-mine', 'authorization', undefined])).toEqual({
    'x-github-event': 'push',
    'x-mine': 'kept',
    'content-type': 'application/json',
  });
});
