import fc from 'fast-check';
import { duplicateMember } from './duplicate-member';

test.each<[string, (string | number)[]]>([
  ['{"amount":"1","amount":"2"}', ['amount']],
  ['{"amount":"1","amount":"1"}', ['amount']],
  ['{"amount":1,"\\u0061mount":2}', ['amount']],
  [' { "a" : { } , "b" : [ 1 , { "x" : 1 , "y" : [ ] , "x" : { } } ] } ', ['b', 1, 'x']],
  ['{"source":{"type":"card","token":"a","token":"b"}}', ['source', 'token']],
  ['[{"a":1},{"a":1,"a":2}]', [1, 'a']],
  ['{"":1,"":2}', ['']],
  ['{"__proto__":1,"__proto__":2}', ['__proto__']],
  ['{"a\\"b":1,"a\\"b":2}', ['a"b']],
])('%s', (text, place) => {
  expect(duplicateMember(text)).toEqual(place);
});

test.each([
  '{"a":"a","b":"a"}',
  '{"a":{"a":{"a":1}}}',
  '[{"a":1},{"a":1}]',
  '{"a":["a","a"],"b":"\\"a\\":1,\\"a\\":2"}',
  '"a"',
  '1',
  '[]',
  '{"a":"}","b":"{","c":",","d":"\\\\"}',
])('%s has none', (text) => {
  expect(duplicateMember(text)).toBeUndefined();
});

test('what is written from a value has none; with a member more it has that one', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), fc.nat(3), (value, n, space) => {
      const text = JSON.stringify(value, undefined, space);
      expect(duplicateMember(text)).toBeUndefined();
      const names = Object.keys(value);
      const name = names[n % names.length] ?? '';
      const twice = `${text.slice(0, text.lastIndexOf('}'))},${JSON.stringify(name)}:null}`;
      expect(duplicateMember(twice)).toEqual([name]);
    }),
  );
});

test('neither depth nor length exhausts it', () => {
  const depth = 200_000;
  expect(duplicateMember('['.repeat(depth) + ']'.repeat(depth))).toBeUndefined();
  expect(duplicateMember(`{"a":"${'\\"x'.repeat(500_000)}","a":1}`)).toEqual(['a']);
  // A text that is no JSON is not gone through again and again.
  const begun = performance.now();
  for (const text of [
    `{"a":"${'\\"'.repeat(500_000)}`,
    `{"a":"${'\\"'.repeat(500_000)}\\`,
    '"'.repeat(1_000_001),
    '{"\\u'.repeat(200_000),
  ]) {
    duplicateMember(text);
  }
  expect(performance.now() - begun).toBeLessThan(2_000);
});
