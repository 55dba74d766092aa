import fc from 'fast-check';
import { picks, saidObject, spell } from '../../tests/support/json-texts';
import { MemberTooDeep, membersOf } from './members';
import { JsonTextError } from './scan';

test('finds the text of each member, as it was written', () => {
  const text = ' { "a" : 1.00 , "\\u0062" : {"x": [ ]}\n, "a":"}" } ';
  const found = membersOf(text)?.map(({ name, from, to }) => [name, text.slice(from, to)]);
  expect(found).toEqual([
    ['a', '1.00'],
    ['b', '{"x": [ ]}'],
    ['a', '"}"'],
  ]);
});

test('every member of every object is found, and what JSON.parse makes of its text is its value', () => {
  fc.assert(
    fc.property(saidObject, fc.integer(), (object, seed) => {
      const text = spell(object, picks(seed));
      const members = membersOf(text) ?? [];
      expect(members.map(({ name }) => name)).toEqual(object.kind === 'object' && object.members.map(([name]) => name));
      const value = Object.fromEntries(members.map(({ name, from, to }) => [name, JSON.parse(text.slice(from, to))]));
      expect(value).toEqual(JSON.parse(text));
    }),
    { numRuns: 1_000 },
  );
});

test.each(['{', '{"a"', '{"a":1', '{"a":1,}', '{"a":1}}', '{,}', '{}x', '{a:1}', '{"a":1 "b":2}', '{"a":01}'])(
  '%s is refused',
  (text) => {
    expect(() => membersOf(text)).toThrow(JsonTextError);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  },
);

test.each(['', '[]', '"{}"', '1'])('%j is no object', (text) => {
  expect(membersOf(text)).toBeUndefined();
});

test('says which member is nested too deep', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  expect(membersOf(`{"a":${deep(5)}}`, { maxDepth: 5 })).toHaveLength(1);
  let thrown: unknown;
  try {
    membersOf(`{"a":1,"b":${deep(6)}}`, { maxDepth: 5 });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(MemberTooDeep);
  expect(thrown).toMatchObject({ member: 'b', at: 16 });
});
