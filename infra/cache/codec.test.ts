import fc from 'fast-check';
import { z } from 'zod';
import { Keyring } from '../keyring';
import { createCodec } from './codec';
import { CacheValueRefused } from './errors';
import { keyPattern } from './pattern';

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (at) => at.toISOString(),
});
const keyring = new Keyring([`k:${Buffer.alloc(32, 1).toString('base64')}`]);

function codecOf<T>(schema: z.ZodType<T>, more: { compressFrom?: number; keyring?: Keyring } = {}) {
  return createCodec({ name: 'test', schema, compressFrom: more.compressFrom ?? 100, keyring: more.keyring });
}

test('JSON comes back as it went, plain, compressed and encrypted, and frozen', () => {
  for (const options of [{}, { compressFrom: 0 }, { keyring }]) {
    const codec = codecOf(z.json(), options);
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":'));
        const opened = codec.open(codec.seal(JSON.parse(text), 'place').body, 'place');
        expect(JSON.stringify(opened?.value)).toBe(text);
        if (typeof opened?.value === 'object') expect(Object.isFrozen(opened.value)).toBe(true);
      }),
    );
  }
});

test('values of a codec are encoded, and nothing is told from a value', () => {
  const codec = codecOf(z.object({ at: date }));
  const at = new Date('2026-11-27T10:00:00.000Z');
  expect(codec.open(codec.seal({ at }, 'p').body, 'p')?.value).toEqual({ at });
  expect(codec.open(codec.seal(undefined, 'p').body, 'p')).toMatchObject({ value: undefined });
});

test('compression is for what is large', () => {
  const codec = codecOf(z.string());
  expect(codec.seal('a'.repeat(10_000), 'p').body.length).toBeLessThan(200);
  expect(codec.seal('a'.repeat(10), 'p').body.toString()).toContain('a'.repeat(10));
});

const circular: Record<string, unknown> = {};
circular.self = circular;

test.each([
  ['a bigint', 1n],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['what contains itself', circular],
  ['a date without a codec', new Date()],
  ['a map', new Map([[1, 2]])],
  ['not a number', Number.NaN],
  ['nothing in a list', [undefined]],
  ['a member called __proto__', JSON.parse('[{"__proto__":1}]')],
])('%s is refused by name', (_name, value) => {
  expect(() => codecOf(z.unknown()).seal({ value }, 'p')).toThrow(CacheValueRefused);
});

test('what does not fit the schema is refused without a word of it, and counts as nothing when it is read', () => {
  const codec = codecOf(z.object({ secret: z.string().max(3) }));
  const refused = () => codec.seal({ secret: 'PLANTED' }, 'p');
  expect(refused).toThrow('it does not fit the schema at "secret"');
  expect(refused).not.toThrow('PLANTED');
  expect(codec.open(codecOf(z.unknown()).seal({ secret: 7 }, 'p').body, 'p')).toBeUndefined();
});

test('an encrypted value is read in its place only, and a plain one is not taken for it', () => {
  const codec = codecOf(z.string(), { keyring });
  const { body } = codec.seal('PLANTED', 'here');
  expect(body.toString('latin1')).not.toContain('PLANTED');
  expect(codec.open(body, 'there')).toBeUndefined();
  expect(codec.open(codecOf(z.string()).seal('PLANTED', 'here').body, 'here')).toBeUndefined();
});

test('a pattern matches what the same regular expression does', () => {
  const char = fc.constantFrom('a', 'b', '?', '[', '\\', '.');
  const text = fc.string({ unit: char, maxLength: 8 });
  fc.assert(
    fc.property(fc.string({ unit: fc.oneof(char, fc.constant('*')), maxLength: 6 }), text, (pattern, key) => {
      const escaped = pattern.replace(/[.?[\\]/g, '\\$&').replace(/\*/g, '.*');
      expect(keyPattern(pattern).matches(key)).toBe(new RegExp(`^${escaped}$`, 's').test(key));
    }),
    { numRuns: 500 },
  );
});
