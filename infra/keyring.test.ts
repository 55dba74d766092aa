import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Keyring } from './keyring';

const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const keyring = new Keyring([newKey('k1')]);
const place = 'endpoint_secrets/019e0c7b5d0e7cc2a7b1f30d1f2a9c11';

test('what was encrypted is read back in its place', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, anyPlace) => {
      expect(keyring.decrypt(keyring.encrypt(plain, anyPlace), anyPlace)).toBe(plain);
    }),
  );
});

test('the sealed value shows nothing of the plain one, and is never the same twice', () => {
  const sealed = Array.from({ length: 20 }, () => keyring.encrypt('whsec_planted', place));
  for (const value of sealed) expect(value.includes('planted')).toBe(false);
  expect(new Set(sealed.map((value) => value.toString('hex'))).size).toBe(sealed.length);
});

test('a value that was moved to another place does not decrypt', () => {
  const sealed = keyring.encrypt('secret', place);
  fc.assert(
    fc.property(fc.string(), (elsewhere) => {
      fc.pre(elsewhere !== place);
      expect(() => keyring.decrypt(sealed, elsewhere)).toThrow();
    }),
  );
});

test('a value of which any bit was changed does not decrypt', () => {
  const sealed = keyring.encrypt('secret', place);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => keyring.decrypt(altered, place)).toThrow();
  }
});

test('a value that was cut short or made longer does not decrypt', () => {
  const sealed = keyring.encrypt('secret', place);
  for (let length = 0; length < sealed.length; length++) {
    expect(() => keyring.decrypt(sealed.subarray(0, length), place)).toThrow();
  }
  expect(() => keyring.decrypt(Buffer.concat([sealed, Buffer.from([0])]), place)).toThrow();
});

describe('while keys rotate', () => {
  const [old, current] = [newKey('2025'), newKey('2026')];
  const before = new Keyring([old]);
  const during = new Keyring([current, old]);
  const after = new Keyring([current]);

  test('old values are read with the old key, new ones are written with the first', () => {
    const sealed = before.encrypt('secret', place);
    expect(during.decrypt(sealed, place)).toBe('secret');
    const renewed = during.encrypt(during.decrypt(sealed, place), place);
    expect(after.decrypt(renewed, place)).toBe('secret');
  });

  test('a value whose key is gone says which key it needs', () => {
    expect(() => after.decrypt(before.encrypt('secret', place), place)).toThrow('"2025", which is not in WAYBILL_KEYS');
  });

  test('another key under the same id does not decrypt', () => {
    expect(() => new Keyring([newKey('2025')]).decrypt(before.encrypt('secret', place), place)).toThrow();
  });

  test('two keys of one id are refused', () => {
    expect(() => new Keyring([newKey('2026'), newKey('2026')])).toThrow();
  });
});

test.each([
  ['no key', []],
  ['no id', [`:${randomBytes(32).toString('base64')}`]],
  ['no colon', [randomBytes(32).toString('base64')]],
  ['31 bytes', [`k:${randomBytes(31).toString('base64')}`]],
  ['33 bytes', [`k:${randomBytes(33).toString('base64')}`]],
])('a ring of %s is refused, without saying the key', (_what, entries) => {
  const secret = entries[0]?.split(':').at(-1);
  const message = messageOf(() => new Keyring(entries));
  expect(message).toMatch(/key/);
  if (secret !== undefined) expect(message).not.toContain(secret);
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return String(error);
  }
  return '';
}

test('a digest is another for another text, purpose and key, and processes whose keys are turned have all in common', () => {
  const [old, next] = [newKey('old'), newKey('next')];
  const [before, after] = [new Keyring([old, next]), new Keyring([next, old])];
  const digests = before.digests('p', 'text');
  expect(digests).toHaveLength(2);
  expect(after.digests('p', 'text')).toEqual([...digests].reverse());
  const others = [before.digests('q', 'text'), before.digests('p', 'another')].flat();
  expect(new Set([...digests, ...others]).size).toBe(6);
});
