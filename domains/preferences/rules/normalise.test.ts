import fc from 'fast-check';
import { CHANNELS } from './channels';
import { normaliseAddress } from './normalise';

test.each([
  ['email', '  Ada.Lovelace@Example.COM ', 'ada.lovelace@example.com'],
  ['email', 'a@BÜCHER.example', 'a@xn--bcher-kva.example'],
  ['email', 'a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
  ['email', 'a@example.com.', 'a@example.com'],
  ['email', 'a+news@example.com', 'a+news@example.com'],
  ['email', 'jose\u0301@example.com', 'jos\u00e9@example.com'],
  ['email', 'no-at.example.com', undefined],
  ['email', 'a b@example.com', undefined],
  ['email', '@example.com', undefined],
  ['email', 'a@exa mple.com', undefined],
  ['email', `a@${'b'.repeat(64)}.com`, undefined],
  ['sms', '+49 (0)170 / 123-45.67', '+491701234567'],
  ['sms', '0049 170 1234567', '+491701234567'],
  ['sms', '0170 1234567', undefined],
  ['sms', '+49 170 CALL', undefined],
  ['push', 'Token:A', 'Token:A'],
  ['webhook', 'https://example.com/A', 'https://example.com/A'],
  ['in_app', '  ', undefined],
] as const)('%s %s', (channel, address, normal) => {
  expect(normaliseAddress(channel, address)).toBe(normal);
});

const local = fc.stringMatching(/^[A-Za-z0-9.+_-]{1,20}$/);
const email = fc.tuple(local, fc.domain()).map(([name, domain]) => `${name}@${domain}`);
const anything = fc.oneof(
  email,
  fc.string({ unit: 'binary' }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.domain()).map((parts) => parts.join('@')),
  fc.stringMatching(/^(00|\+)[1-9][0-9 ()./-]{6,20}$/),
);

test('a normal form is its own', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CHANNELS), anything, (channel, address) => {
      const normal = normaliseAddress(channel, address);
      if (normal !== undefined) expect(normaliseAddress(channel, normal)).toBe(normal);
    }),
    { numRuns: 2_000 },
  );
});

test('spellings of an email address are one', () => {
  fc.assert(
    fc.property(email, fc.array(fc.boolean()), (address, upper) => {
      const spelt = [...address].map((letter, n) => (upper[n] === true ? letter.toUpperCase() : letter)).join('');
      expect(normaliseAddress('email', ` ${spelt}\t`)).toBe(normaliseAddress('email', address));
    }),
  );
});

test('spellings of a phone number are one', () => {
  const number = fc.stringMatching(/^[1-9][0-9]{6,14}$/);
  const gaps = fc.array(fc.constantFrom('', ' ', '-', '.', ' (', ')'), { minLength: 15, maxLength: 15 });
  fc.assert(
    fc.property(number, gaps, fc.constantFrom('+', '00', ' + '), (digits, between, prefix) => {
      const spelt = [...digits].map((digit, n) => digit + (between[n] ?? '')).join('');
      fc.pre(!spelt.includes('(0)'));
      expect(normaliseAddress('sms', prefix + spelt)).toBe(`+${digits}`);
    }),
  );
});

test('different tags are different addresses', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{1,8}$/), (one, other) => {
      const normal = (tag: string) => normaliseAddress('email', `a+${tag}@example.com`);
      expect(normal(one) === normal(other)).toBe(one === other);
    }),
  );
});
