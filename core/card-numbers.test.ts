import fc from 'fast-check';
import { holdsCardNumber, isCardNumber } from './card-numbers';

describe('a text that is a card number', () => {
  test.each([
    '4111111111111111',
    '4111-1111-1111-1111',
    '4111_1111_1111_1111',
    '4111 1111 1111 1111',
    '5555555555554444',
    '378282246310005',
    '6304000000000000',
    '6799990100000000019',
    '501800000009',
  ])('%s is one', (text) => expect(isCardNumber(text)).toBe(true));

  test.each([
    '4111111111111112',
    'tok_4111111111111111',
    '41111111111',
    '41111111111111111111',
    '',
    'tok_ok',
    '4111x1111111111111',
  ])('%j is none', (text) => expect(isCardNumber(text)).toBe(false));

  test('of ten numbers that differ in the last digit one is one, and no other digit may differ', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 11, maxLength: 18 });
    fc.assert(
      fc.property(digits, fc.nat(), (text, n) => {
        const valid = [...'0123456789'].map((digit) => text + digit).filter(isCardNumber);
        expect(valid).toHaveLength(1);
        const [number = ''] = valid;
        const at = n % number.length;
        const other = number.slice(0, at) + ((Number(number[at]) + 1) % 10) + number.slice(at + 1);
        expect(isCardNumber(other)).toBe(false);
      }),
    );
  });
});

describe('a text with a card number in it', () => {
  test.each([
    '4111111111111111',
    'charge 4111 1111 1111 1111 12/27 123',
    'card: 4111-1111-1111-1111.',
    '(5555.5555.5555.4444)',
    'AmEx 3782 822463 10005',
    'diners=30569309025904;',
    '\uff14\uff11\uff11\uff11 1111 1111 1111',
    '4111\u00a01111\u00a01111\u00a01111',
    '4111\u20131111\u20131111\u20131111',
    '2223003122003222',
    '6011111111111117',
    '3566002020360505',
    '6250941006528599',
  ])('%s', (text) => expect(holdsCardNumber(text)).toBe(true));

  test.each([
    'A-1042',
    '4111111111111112',
    'tok_4111111111111111',
    'order4111111111111111',
    '41111111111111111',
    '20261126192300127',
    '2026112619230017',
    '1795262227123456',
    'IBAN DE89 3704 0044 0532 0130 00',
    'FR14 2004 1010 0505 0001 3M02 606',
    '+49 4111 1111 1111 1111',
    '01a1fdf7-a5a9-4111-8111-111111111111',
    '4111 1111-1111 1111',
    '9111111111111111',
    '',
  ])('is not in %j', (text) => expect(holdsCardNumber(text)).toBe(false));

  test('one in 43 of any numbers of 16 digits is taken for one, and none that is somebody’s own number', () => {
    let [taken, own] = [0, 0];
    const many = 200_000;
    let seed = 12_345;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return String(seed % 100_000_000).padStart(8, '0');
    };
    for (let n = 0; n < many; n++) {
      const number = random() + random();
      if (holdsCardNumber(number)) taken++;
      if (holdsCardNumber(number, { ownNumbers: true })) own++;
    }
    expect(own).toBe(0);
    expect(many / taken).toBeGreaterThan(38);
    expect(many / taken).toBeLessThan(48);
  });

  test('whoever has a number of one’s own may not write it as on a card', () => {
    expect(holdsCardNumber('4111 1111 1111 1111', { ownNumbers: true })).toBe(true);
    expect(holdsCardNumber('order 4111111111111111', { ownNumbers: true })).toBe(true);
  });
});
