import fc from 'fast-check';
import { isCardNumber } from './luhn';

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
