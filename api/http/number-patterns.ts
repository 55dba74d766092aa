/**
 * The pattern of decimal integers between two bounds as the API writes them: without a plus sign, leading zeros or a
 * negative zero. It says exactly what is accepted, so that whoever generates requests from the document is not refused.
 *
 * @param min - at most 1
 * @param max - at least 1
 * @param options.zero - whether 0 is one of them, where the bounds allow it; by default it is
 */
export function integerPattern(min: bigint, max: bigint, options: { zero?: boolean } = {}): string {
  if (min > 1n || max < 1n) throw new RangeError('the bounds must enclose 1');
  const parts = [...(min <= 0n && options.zero !== false ? ['0'] : []), ...upTo(max)];
  if (min < 0n) {
    const negative = upTo(-min);
    if (min === -max) return `^(${options.zero === false ? '' : '0|'}-?(${negative.join('|')}))$`;
    parts.push(`-(${negative.join('|')})`);
  }
  return `^(${parts.join('|')})$`;
}

/** Alternatives for the integers from 1 to this one. */
function upTo(max: bigint): string[] {
  const digits = max.toString();
  const found: string[] = [];
  if (digits.length > 1) found.push(`[1-9]${anyDigits(0, digits.length - 2)}`);
  // Those of the same length: smaller in one digit, whatever follows.
  for (let at = 0; at < digits.length; at++) {
    const lowest = at === 0 ? 1 : 0;
    const digit = Number(digits[at]);
    if (digit <= lowest) continue;
    const rest = digits.length - at - 1;
    found.push(`${digits.slice(0, at)}${oneOf(lowest, digit - 1)}${rest === 0 ? '' : anyDigits(rest, rest)}`);
  }
  found.push(digits);
  return found;
}

function oneOf(from: number, to: number): string {
  return from === to ? String(from) : `[${from}-${to}]`;
}

function anyDigits(least: number, most: number): string {
  if (most === 0) return '';
  if (least === most) return least === 1 ? '[0-9]' : `[0-9]{${least}}`;
  return `[0-9]{${least},${most}}`;
}
