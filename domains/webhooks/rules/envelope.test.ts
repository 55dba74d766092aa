import { dataOf, envelope, fingerprint, isRepetition } from './envelope';

test('the envelope is type, timestamp and the data as it was given', () => {
  const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
  expect(envelope('order.created', at, '{"b":1,"a":[1.50]}')).toBe(
    '{"type":"order.created","timestamp":"2026-01-02T03:04:05.006Z","data":{"b":1,"a":[1.50]}}',
  );
});

test('the data of an envelope is the text that was put into it', () => {
  const data = '{ "__proto__":1.00,"data":"\\u0000}","data":[1e400] }';
  expect(dataOf(envelope('order.created', new Date(), data))).toBe(data);
});

describe('the fingerprint', () => {
  const message = { eventType: 'order.created', channels: ['b', 'a'], endpointId: 'ep_1', eventId: 'e' };

  // Stored beside keys that live for months: neither formula must ever change.
  test.each([
    [message, '{"n":1}', 'ab0193121a0f55fe56bda4a10b64d303ed2261748052f83ce526dd66cf312aab'],
    [
      { eventType: 'order.created', channels: [] },
      'null',
      '6ea26ae7345c9752ed7bf6284e9693d9bdb34b073a8de99771871f2512d9a750',
    ],
  ])('of what earlier versions stored is recognised', (traits, data, hex) => {
    expect(isRepetition(hex, traits, data)).toBe(true);
    expect(isRepetition(hex, { ...traits, eventType: 'order.paid' }, data)).toBe(false);
    expect(isRepetition(hex, traits, '{"n":2}')).toBe(false);
  });

  test('of what is stored stays the same', () => {
    expect(fingerprint(message, '{"n":1}')).toBe('de2cc79db653dadeec46286f6309d76a46d082e256ad9de4102fc8cc55fac084');
  });

  test.each([
    ['{"a":1,"b":[2]}', ' { "b" : [2.0], "\\u0061":10e-1 }'],
    ['12345678901234567890', '1234567890123456789e1'],
  ])('counts what %s says', (data, same) => {
    expect(fingerprint(message, same)).toBe(fingerprint(message, data));
    expect(isRepetition(fingerprint(message, data), message, same)).toBe(true);
  });

  test.each([
    ['12345678901234567890', '12345678901234567891'],
    // To JavaScript both are the first.
    ['12345678901234567000', '12345678901234567890'],
    ['{"a":1e400}', '{"a":null}'],
    ['{"a":1,"a":2}', '{"a":2}'],
  ])('tells %s from %s, whichever came first', (one, other) => {
    expect(isRepetition(fingerprint(message, one), message, other)).toBe(false);
    expect(isRepetition(fingerprint(message, other), message, one)).toBe(false);
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
