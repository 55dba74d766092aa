import fc from 'fast-check';
import { picks, said, shuffled, spell } from '../../tests/support/json-texts';
import { quickestMs } from '../../tests/support/quickest';
import { canonicalJson } from '../canonical-json';
import { canonicalJsonText } from './canonical-text';
import { JsonTextError } from './scan';

test.each([
  ['1', '1.0', '10e-1', '0.1e1', '1E+00', '100e-02'],
  ['0', '-0', '0.0', '-0e5', '0e999999999999999999999999', `0e${'9'.repeat(2_000)}`],
  ['1e400', '10e399', '0.1e401', `1${'0'.repeat(400)}`],
  ['12345678901234567890', '1234567890123456789e1', '12345678901234567890.0'],
  ['1e999999999', '10e999999998', '1e0999999999'],
  ['1e-999999999', '0.1e-999999998'],
  ['0.1', '1e-1', '0.10'],
  ['"a/\u20ac"', '"\\u0061\\/\\u20AC"'],
  ['"\\u007f\\u2028"', '"\u007f\u2028"'],
  ['{"b":1,"a":[true,null]}', ' { "a" : [ true , null ] , "\\u0062" : 1.0 } '],
  ['{}', ' { } '],
  ['[]', '[\n]'],
])('%s is what others say', (one, ...others) => {
  for (const other of others) expect(canonicalJsonText(other)).toBe(canonicalJsonText(one));
});

test.each([
  ['12345678901234567890', '12345678901234567891'],
  ['12345678901234567000', '12345678901234567890'],
  ['9007199254740993', '9007199254740992'],
  ['0.1', '0.1000000000000000055511151231257827'],
  ['1e400', '1e401'],
  ['1e400', 'null'],
  ['1e-400', '0'],
  ['1', '-1'],
  ['1', '"1"'],
  [`1e${'9'.repeat(2_000)}`, `1e${'9'.repeat(1_999)}8`],
  ['{"a":1,"a":2}', '{"a":2}'],
  ['{"a":1,"a":2}', '{"a":2,"a":1}'],
  ['{"__proto__":1}', '{}'],
  ['{"__proto__":{"a":1}}', '{"a":1}'],
  ['[1,2]', '[2,1]'],
  ['[]', '{}'],
  ['"\\ud800"', '"\ufffd"'],
])('%s is not %s', (one, other) => {
  expect(canonicalJsonText(one)).not.toBe(canonicalJsonText(other));
});

test('orders names by UTF-16 code units, also behind escapes', () => {
  const names = ['"\\ufb33"', '"\\ud83d\\ude00"', '"\\u20ac"', '"\\r"', '"1"', '"\\u0080"', '"ö"', '"__proto__"'];
  const text = canonicalJsonText(`{${names.map((name) => `${name}:0`).join(',')}}`);
  expect(text).toBe('{"\\r":0,"1":0,"__proto__":0,"\u0080":0,"ö":0,"€":0,"😀":0,"\ufb33":0}');
});

test('every way of writing a value has one form, which says the value', () => {
  fc.assert(
    fc.property(said, fc.integer(), fc.integer(), (value, seed, other) => {
      const text = spell(value, picks(seed));
      const canonical = canonicalJsonText(text);
      expect(canonicalJsonText(spell(shuffled(value, picks(seed + other)), picks(other)))).toBe(canonical);
      expect(canonicalJsonText(canonical)).toBe(canonical);
    }),
    { numRuns: 500 },
  );
});

test('is what canonicalJson makes of the value, where JavaScript reads it without loss', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = JSON.stringify(value, null, 2);
      expect(canonicalJsonText(text)).toBe(canonicalJson(JSON.parse(text)));
    }),
    { numRuns: 500 },
  );
});

test('two values have the same form only if they are the same number', () => {
  const number = fc.record({ digits: fc.stringMatching(/^[1-9]\d{0,20}$/), exponent: fc.integer({ min: -8, max: 8 }) });
  fc.assert(
    fc.property(number, number, (one, other) => {
      const scaled = ({ digits, exponent }: typeof one) => BigInt(digits) * 10n ** BigInt(exponent + 8);
      const form = ({ digits, exponent }: typeof one) => canonicalJsonText(`${digits}e${exponent}`);
      expect(form(one) === form(other)).toBe(scaled(one) === scaled(other));
    }),
    { numRuns: 500 },
  );
});

test('costs little for what is made to cost much', async () => {
  const work = () => {
    canonicalJsonText(`[${'1e999999999,'.repeat(50_000)}1e-99999999999999999999]`);
    canonicalJsonText(`1e${'7'.repeat(1_000_000)}`);
    canonicalJsonText(`${'7'.repeat(1_000_000)}.${'0'.repeat(100_000)}`);
    canonicalJsonText(`${'[1,'.repeat(199)}"${'x'.repeat(500_000)}"${']'.repeat(199)}`);
  };
  expect(await quickestMs(2_000, work)).toBeLessThan(2_000);
});

test.each(['', '{"a":}', '1 2e', '['.repeat(201) + ']'.repeat(201)])(
  'refuses what it cannot put into a form',
  (text) => {
    expect(() => canonicalJsonText(text)).toThrow(JsonTextError);
  },
);

test('numbers of everyday size are as JavaScript writes them', () => {
  const decimal = fc.tuple(fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.stringMatching(/^\d{1,7}$/));
  fc.assert(
    fc.property(decimal, ([whole, fraction]) => {
      expect(canonicalJsonText(`${whole}.${fraction}`)).toBe(String(Number(`${whole}.${fraction}`)));
    }),
    { numRuns: 500 },
  );
});
