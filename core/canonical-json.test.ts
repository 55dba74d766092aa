import fc from 'fast-check';
import { canonicalJson } from './canonical-json';

test('is what RFC 8785 gives as an example', () => {
  const text = `{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}`;
  expect(canonicalJson(JSON.parse(text))).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('orders names by UTF-16 code units, as RFC 8785 gives them', () => {
  const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
  const value = Object.fromEntries(names.map((name) => [name, 0]));
  const ordered = Object.keys(JSON.parse(canonicalJson(value)));
  expect(ordered).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']);
});

test.each([
  ['1', '1.0'],
  ['100', '1e2'],
  ['0', '-0'],
  ['"a"', '"\\u0061"'],
  ['{"a":1,"b":[2,{"d":4,"c":3}]}', ' { "b" : [ 2, {"c":3, "d":4} ],\n"a":1.0 } '],
  ['{"a":2}', '{"a":1,"a":2}'],
])('%s and %s are equal', (one, other) => {
  expect(canonicalJson(JSON.parse(one))).toBe(canonicalJson(JSON.parse(other)));
});

test.each([
  ['1', '"1"'],
  ['null', '{}'],
  ['[]', '{}'],
  ['[1,2]', '[2,1]'],
  ['[[1],2]', '[1,[2]]'],
  ['{"a":null}', '{}'],
  ['{"__proto__":1}', '{}'],
  ['""', '"\\u0000"'],
])('%s and %s are not', (one, other) => {
  expect(canonicalJson(JSON.parse(one))).not.toBe(canonicalJson(JSON.parse(other)));
});

/** The same value with the members of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, shuffled(inner)]),
  );
}

test('every value has one text, which says the value', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      const canonical = canonicalJson(value);
      expect(canonicalJson(JSON.parse(JSON.stringify(value, null, 3)))).toBe(canonical);
      expect(canonicalJson(shuffled(value))).toBe(canonical);
      // Node's equality distinguishes -0, JSON does not.
      expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('two texts are the same only if the values are equal', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (one, other) => {
      const [a, b] = [one, other].map((value) => JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(a) === canonicalJson(b)).toBe(equal(a, b));
    }),
    { numRuns: 300 },
  );
});

function equal(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other);
    return true;
  } catch {
    return false;
  }
}

test.each([[undefined], [Number.NaN], [Number.POSITIVE_INFINITY], [1n], [Symbol('s')], [() => 1]])(
  'what JSON cannot say is refused: %p',
  (value) => {
    expect(() => canonicalJson({ value })).toThrow(TypeError);
  },
);
