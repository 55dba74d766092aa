const PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?)0*(\d+))?$/;

/** Numbers that JavaScript writes as they are; most numbers are such. */
const AS_WRITTEN = /^(?:0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,7})\.\d{0,5}[1-9])$/;

/** An exponent with more digits is left as it is written: adding to it would take too long. */
const MOST_DIGITS_OF_EXPONENT = 1_000;

/** No double needs more digits. */
const MOST_DIGITS_OF_DOUBLE = 17;

/** A number apart: its digits, without zeros around them, times a power of ten. */
interface Exact {
  sign: string;
  digits: string;
  exponent: bigint;
}

/**
 * The one text of a JSON number's exact value: as JavaScript writes it (RFC 8785) if it writes that very value, otherwise
 * the digits and a power of ten, which is never expanded: `1e999999999` costs as much as `1`. So `1`, `1.0` and
 * `10e-1` have the same text, and two integers of twenty digits have not.
 *
 * @param text - a number as JSON writes it
 */
export function canonicalNumber(text: string): string {
  if (AS_WRITTEN.test(text)) return text;
  const exact = exactly(text);
  if (exact === undefined) return text;
  if (exact.digits === '') return '0';
  if (exact.digits.length <= MOST_DIGITS_OF_DOUBLE) {
    const double = Number(text);
    if (Number.isFinite(double)) {
      const written = String(double);
      if (isSame(exactly(written), exact)) return written;
    }
  }
  return `${exact.sign}${exact.digits}e${exact.exponent}`;
}

/** @returns undefined when its exponent is absurd */
function exactly(text: string): Exact | undefined {
  const [, sign = '', whole = '', fraction = '', exponentSign = '', exponent = '0'] = PARTS.exec(text) ?? [];
  const all = whole + fraction;
  let from = 0;
  while (all[from] === '0') from++;
  let to = all.length;
  while (to > from && all[to - 1] === '0') to--;
  const digits = all.slice(from, to);
  if (digits === '') return { sign, digits, exponent: 0n };
  if (exponent.length > MOST_DIGITS_OF_EXPONENT) return undefined;
  const power = BigInt(`${exponentSign === '-' ? '-' : ''}${exponent}`);
  return { sign, digits, exponent: power + BigInt(all.length - to - fraction.length) };
}

function isSame(one: Exact | undefined, other: Exact): boolean {
  return one?.sign === other.sign && one.digits === other.digits && one.exponent === other.exponent;
}
