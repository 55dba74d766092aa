import { envelope, fingerprint } from './envelope';

test('the envelope is type, timestamp and the data as it was given', () => {
  const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
  expect(envelope('order.created', at, '{"b":1,"a":[1.50]}')).toBe(
    '{"type":"order.created","timestamp":"2026-01-02T03:04:05.006Z","data":{"b":1,"a":[1.50]}}',
  );
});

describe('the fingerprint', () => {
  const message = { eventType: 'order.created', channels: ['b', 'a'], endpointId: 'ep_1', eventId: 'e' };

  // Stored beside keys that live for months: these must never change.
  test.each([
    [message, '{"n":1}', 'ab0193121a0f55fe56bda4a10b64d303ed2261748052f83ce526dd66cf312aab'],
    [
      { eventType: 'order.created', channels: [] },
      'null',
      '6ea26ae7345c9752ed7bf6284e9693d9bdb34b073a8de99771871f2512d9a750',
    ],
  ])('of what is stored stays the same', (traits, data, hex) => {
    expect(fingerprint(traits, data)).toBe(hex);
  });

  test('does not depend on the order of channels, and leaves them in theirs', () => {
    expect(fingerprint({ ...message, channels: ['a', 'b'] }, '1')).toBe(fingerprint(message, '1'));
    expect(message.channels).toEqual(['b', 'a']);
  });

  test.each([{ eventType: 'order.paid' }, { channels: ['a'] }, { endpointId: undefined }, { eventId: 'f' }])(
    'differs with %j',
    (other) => {
      expect(fingerprint({ ...message, ...other }, '1')).not.toBe(fingerprint(message, '1'));
    },
  );

  test('differs with the data', () => {
    expect(fingerprint(message, '1')).not.toBe(fingerprint(message, '2'));
  });
});
