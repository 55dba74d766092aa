import fc from 'fast-check';

/** What a JSON text says, exactly: a number is its digits times a power of ten, an object the list of its members. */
export type Said =
  | { kind: 'word'; word: 'null' | 'true' | 'false' }
  | { kind: 'number'; negative: boolean; digits: string; exponent: number }
  | { kind: 'string'; text: string }
  | { kind: 'array'; entries: readonly Said[] }
  | { kind: 'object'; members: readonly (readonly [string, Said])[] };

const digits = fc.oneof(
  fc.integer({ min: 0, max: 1_000 }).map(String),
  fc.constantFrom('12345678901234567890', '12345678901234567891', '9007199254740993', '1', '333333333333333329'),
  fc.stringMatching(/^[1-9]\d{0,40}$/),
);
const number = fc
  .record({
    negative: fc.boolean(),
    digits,
    exponent: fc.oneof(fc.constant(0), fc.integer({ min: -30, max: 30 }), fc.constantFrom(400, -400, 999_999_999)),
  })
  .map((parts): Said => ({ kind: 'number', ...parts }));
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', '10', '2', '', '\ud800', '"\\/\b\f\n\r\t\0\u007f\u2028', '€'),
);

/** Any JSON value: huge and tiny numbers, odd names, names that come twice. */
export const said: fc.Arbitrary<Said> = fc.letrec<{ any: Said }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    number,
    fc.constantFrom<Said>(...(['null', 'true', 'false'] as const).map((word) => ({ kind: 'word', word }) as const)),
    text.map((content): Said => ({ kind: 'string', text: content })),
    fc.array(tie('any'), { maxLength: 4 }).map((entries): Said => ({ kind: 'array', entries })),
    fc.array(fc.tuple(text, tie('any')), { maxLength: 5 }).map((members): Said => ({ kind: 'object', members })),
  ),
})).any;

/** An object, as {@link said}. */
export const saidObject: fc.Arbitrary<Said> = fc
  .array(fc.tuple(text, said), { maxLength: 5 })
  .map((members) => ({ kind: 'object', members }));

/** Numbers from 0 to below `bound`, the same for the same seed. */
export type Pick = (bound: number) => number;

export function picks(seed: number): Pick {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** One of the many texts that say it: with white space, escapes, zeros and exponents as they come. */
export function spell(value: Said, pick: Pick): string {
  const space = () => ' \n\r\t'.slice(0, pick(5)).repeat(pick(2));
  const list = (open: string, entries: string[], close: string) => `${open}${space()}${entries.join(',')}${close}`;
  switch (value.kind) {
    case 'word':
      return value.word;
    case 'number':
      return spellNumber(value, pick);
    case 'string':
      return spellString(value.text, pick);
    case 'array':
      return list(
        '[',
        value.entries.map((entry) => `${space()}${spell(entry, pick)}${space()}`),
        ']',
      );
    case 'object': {
      const members = value.members.map(
        ([name, inner]) => `${space()}${spellString(name, pick)}${space()}:${space()}${spell(inner, pick)}${space()}`,
      );
      return list('{', members, '}');
    }
  }
}

function spellString(content: string, pick: Pick): string {
  let written = '"';
  for (let index = 0; index < content.length; index++) {
    const unit = content.charAt(index);
    const code = content.charCodeAt(index);
    const pair = code >= 0xd800 && code < 0xdc00 && /^[\udc00-\udfff]/.test(content.slice(index + 1));
    const must = code < 0x20 || unit === '"' || unit === '\\' || (code >= 0xd800 && code < 0xe000);
    if (pair && pick(3) > 0) written += content.slice(index, ++index + 1);
    else if (!must && pick(5) > 0) written += unit;
    else written += (pick(2) > 0 && SHORT[unit]) || escaped(code, pick);
  }
  return `${written}"`;
}

function escaped(code: number, pick: Pick): string {
  const hex = code.toString(16).padStart(4, '0');
  return `\\u${pick(2) > 0 ? hex : hex.toUpperCase()}`;
}

function spellNumber(value: Extract<Said, { kind: 'number' }>, pick: Pick): string {
  const zeros = value.digits === '0' ? 0 : pick(3);
  const all = value.digits + '0'.repeat(zeros);
  const exponent = value.exponent - zeros;
  // A point somewhere among the digits is a power of ten more.
  const fraction = pick(all.length);
  const point = all.length - fraction;
  const mantissa = fraction === 0 ? all : `${all.slice(0, point)}.${all.slice(point)}`;
  const power = exponent + fraction;
  const sign = value.negative ? '-' : '';
  if (power === 0 && pick(2) > 0) return sign + mantissa;
  const plus = power < 0 ? '-' : ['', '+'][pick(2)];
  return `${sign}${mantissa}${'eE'[pick(2)]}${plus}${'0'.repeat(pick(3))}${Math.abs(power)}`;
}

/** The same, with the members of every object that has no name twice in another order. */
export function shuffled(value: Said, pick: Pick): Said {
  if (value.kind === 'array') return { ...value, entries: value.entries.map((entry) => shuffled(entry, pick)) };
  if (value.kind !== 'object') return value;
  const members = value.members.map(([name, inner]) => [name, shuffled(inner, pick)] as const);
  if (new Set(members.map(([name]) => name)).size < members.length) return { ...value, members };
  return {
    ...value,
    members: members
      .map((member) => [pick(1_000), member] as const)
      .sort(byPick)
      .map(([, m]) => m),
  };
}

function byPick([one]: readonly [number, unknown], [other]: readonly [number, unknown]): number {
  return one - other;
}
