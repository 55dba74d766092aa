import fc from 'fast-check';
import { duplicateName } from './duplicates';

const pathOf = (text: string) => duplicateName(text, { maxDepth: 100 })?.path;

test.each<[string, (string | number)[], number]>([
  ['{"amount":"1","amount":"2"}', ['amount'], 14],
  ['{"amount":"1","amount":"1"}', ['amount'], 14],
  ['{"amount":1,"\\u0061mount":2}', ['amount'], 12],
  [' { "a" : { } , "b" : [ 1 , { "x" : 1 , "y" : [ ] , "x" : { } } ] } ', ['b', 1, 'x'], 51],
  ['{"source":{"type":"card","token":"a","token":"b"}}', ['source', 'token'], 37],
  ['[{"a":1},{"a":1,"a":2}]', [1, 'a'], 16],
  ['[[1,2],[[],[3,{"a":1,"a":2}]]]', [1, 1, 1, 'a'], 21],
  ['{"":1,"":2}', [''], 6],
  ['{"__proto__":1,"__proto__":2}', ['__proto__'], 15],
  ['{"a\\"b":1,"a\\"b":2}', ['a"b'], 10],
  ['{"a":1,"a":{"b":1,"b":2}}', ['a'], 7],
])('%s', (text, path, at) => {
  expect(duplicateName(text, { maxDepth: 100 })).toEqual({ path, at });
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
  expect(pathOf(text)).toBeUndefined();
});

test('what is written from a value has none; with a member more it has that one', () => {
  const values = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(values, fc.nat(), fc.nat(3), (value, n, space) => {
      const text = JSON.stringify(value, undefined, space);
      expect(pathOf(text)).toBeUndefined();
      const names = Object.keys(value);
      const name = names[n % names.length] ?? '';
      const twice = `${text.slice(0, text.lastIndexOf('}'))},${JSON.stringify(name)}:null}`;
      expect(pathOf(`[0,${twice}]`)).toEqual([1, name]);
    }),
  );
});
