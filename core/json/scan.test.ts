import fc from 'fast-check';
import { jsonTestSuite, parses } from '../../tests/support/json-test-suite';
import { picks, said, spell } from '../../tests/support/json-texts';
import { afterSpace, endOfValue, JsonTextError, mustEnd } from './scan';

function refusal(text: string, maxDepth?: number): JsonTextError | undefined {
  try {
    mustEnd(text, endOfValue(text, afterSpace(text, 0), maxDepth === undefined ? {} : { maxDepth }));
    return undefined;
  } catch (error) {
    if (error instanceof JsonTextError) return error;
    throw error;
  }
}

describe('JSONTestSuite', () => {
  const cases = jsonTestSuite('parsing');
  const named = (kind: string) =>
    cases.filter(({ name }) => name.startsWith(kind)).map((each) => [each.name, each.input]);

  test('is there', () => {
    expect([named('y_').length > 90, named('n_').length > 180, named('i_').length > 30]).toEqual([true, true, true]);
  });

  test.each(named('y_'))('%s is accepted', (_name, input) => {
    expect(refusal(input ?? '')).toBeUndefined();
  });

  test.each(named('n_'))('%s is refused', (_name, input) => {
    expect(refusal(input ?? '')).toBeInstanceOf(JsonTextError);
  });

  // What implementations may choose: as JSON.parse does, for any depth.
  test.each([...named('i_'), ...jsonTestSuite('transform').map(({ name, input }) => [name, input])])(
    '%s is what JSON.parse makes of it',
    (_name, input = '') => {
      expect(refusal(input) === undefined).toBe(parses(input));
    },
  );
});

// JSON_checker of json.org, without its fail1 (RFC 8259 allows any value at the top) and fail18 (a limit of depth).
test.each([
  ['["Unclosed array"', 17],
  ['{unquoted_key: "keys must be quoted"}', 1],
  ['["extra comma",]', 15],
  ['["double extra comma",,]', 22],
  ['[   , "<-- missing value"]', 4],
  ['["Comma after the close"],', 25],
  ['["Extra close"]]', 15],
  ['{"Extra comma": true,}', 21],
  ['{"Extra value after close": true} "misplaced quoted value"', 34],
  ['{"Illegal expression": 1 + 2}', 25],
  ['{"Illegal invocation": alert()}', 23],
  ['{"Numbers cannot have leading zeroes": 013}', 40],
  ['{"Numbers cannot be hex": 0x14}', 27],
  ['["Illegal backslash escape: \\x15"]', 28],
  ['[\\naked]', 1],
  ['["Illegal backslash escape: \\017"]', 28],
  ['{"Missing colon" null}', 17],
  ['{"Double colon":: null}', 16],
  ['{"Comma instead of colon", null}', 25],
  ['["Colon instead of comma": false]', 25],
  ['["Bad value", truth]', 14],
  ["['single quote']", 1],
  ['["\ttab\tcharacter\tin\tstring\t"]', 2],
  ['["tab\\   character\\   in\\  string\\  "]', 5],
  ['["line\nbreak"]', 6],
  ['["line\\\nbreak"]', 6],
  ['[0e]', 2],
  ['[0e+]', 2],
  ['[0e+-1]', 2],
  ['{"Comma instead if closing brace": true,', 40],
  ['["mismatch"}', 11],
  ['', 0],
  [' ', 1],
  ['\ufeff1', 0],
  ['1 2', 2],
  ['{"a":1', 6],
  ['"a', 2],
])('%j stops being JSON at %i', (text, at) => {
  expect([parses(text), refusal(text)?.at]).toEqual([false, at]);
});

test('says what it expected, and never what it found', () => {
  expect(refusal('{"a" 1}')?.reason).toBe('expected ":" after a name');
  expect(refusal('["secret" "secret"]')?.reason).toBe('expected "," or "]"');
});

test('takes what JSON.parse takes, and nothing else, however a text is damaged', () => {
  const damage = fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc.constantFrom('', ...'{}[]",:\\0-1.eE+ \nutn/', '\ufeff'),
  });
  fc.assert(
    fc.property(said, fc.integer(), fc.array(damage, { maxLength: 2 }), (value, seed, damages) => {
      let text = spell(value, picks(seed));
      expect([text, refusal(text)]).toEqual([text, undefined]);
      for (const { at, remove, insert } of damages) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + insert + text.slice(place + remove);
      }
      expect([text, refusal(text) === undefined]).toEqual([text, parses(text)]);
    }),
    { numRuns: 1_000 },
  );
});

test('takes so many levels and no more, without recursion', () => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
  expect(refusal(nested(100), 100)).toBeUndefined();
  expect(refusal(nested(102), 100)).toMatchObject({ kind: 'depth', at: 300 });
  expect(refusal(nested(400_000))).toBeUndefined();
});
