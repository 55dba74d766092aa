import { MAX_AMOUNT } from '../../../core/money';

/** What stands before the decimals. */
export type DecimalMark = '.' | ',';

/** An amount as a file writes it, without its sign. */
interface Written {
  negative: boolean;
  /** Digits with marks between them. */
  body: string;
}

// Spaces that do not break, and the minus of typographers.
const SPACES = /[\u00A0\u2009\u202F]/g;
const SIGNED = /^([+-]?) ?(\d[\d.,'’ ]*) ?([+-]?)$/;
const IN_PARENTHESES = /^\( ?(\d[\d.,'’ ]*) ?\)$/;

function written(text: string): Written | undefined {
  const plain = text.trim().replace(SPACES, ' ').replace('\u2212', '-');
  const accounting = IN_PARENTHESES.exec(plain)?.[1];
  if (accounting !== undefined) return { negative: true, body: accounting.trim() };
  const [, before = '', body = '', after = ''] = SIGNED.exec(plain) ?? [];
  if (body === '' || (before !== '' && after !== '')) return undefined;
  return { negative: before === '-' || after === '-', body: body.trim() };
}

/**
 * The decimal mark that an amount shows by itself: `,` in `1.234,50` and in `12,5`, `.` in `1,234,567`. A lone mark
 * before three digits shows nothing, since `1.234` is either.
 */
export function markShownBy(text: string): DecimalMark | undefined {
  const body = written(text)?.body;
  if (body === undefined) return undefined;
  const marks: readonly string[] = body.match(/[.,]/g) ?? [];
  const last = marks.at(-1);
  if (last !== '.' && last !== ',') return undefined;
  const other = last === '.' ? ',' : '.';
  if (marks.includes(other)) return last;
  if (marks.length > 1) return other;
  const [whole = '', fraction = ''] = body.split(last);
  return fraction.length !== 3 || whole.length > 3 || whole === '0' ? last : undefined;
}

/** Why an amount cannot be read. */
export type Unreadable = 'no-number' | 'decimals' | 'either' | 'too-large';

/**
 * Reads an amount in major units as banks write it: `1234.5`, `+100.00`, `25.00-`, `(25.00)`, `1.234,50`, `1'234.50`,
 * `1 234,50`. Zeros behind the currency's last decimal are allowed, as in `700.00` JPY.
 *
 * @param mark - the file's decimal mark; undefined where nothing in the file shows it
 * @returns minor units, signed
 */
export function readAmount(text: string, exponent: number, mark: DecimalMark | undefined): bigint | Unreadable {
  const number = written(text);
  if (number === undefined) return 'no-number';
  const { body, negative } = number;
  const used = mark ?? markOf(body, exponent);
  if (used === 'either') return used;
  const [grouped = '', fraction = '', ...more] = used === undefined ? [body] : body.split(used);
  const whole = ungrouped(grouped);
  if (whole === undefined || more.length > 0 || !/^\d*$/.test(fraction)) return 'no-number';
  if (body.endsWith(used ?? ' ')) return 'no-number';
  const decimals = fraction.replace(/0+$/, '');
  if (decimals.length > exponent) return 'decimals';
  if (whole.length > 19) return 'too-large';
  const amount = BigInt(whole + decimals.padEnd(exponent, '0'));
  if (amount > MAX_AMOUNT) return 'too-large';
  return negative ? -amount : amount;
}

/** The mark of an amount in a file that shows none: `1.234` is taken as it stands only where three decimals are usual. */
function markOf(body: string, exponent: number): DecimalMark | 'either' | undefined {
  if (!/[.,]/.test(body)) return undefined;
  return body.includes('.') && exponent === 3 ? '.' : 'either';
}

/** The digits of `1.234.567`, `1 234 567` or the Indian `12,34,567`; undefined when the groups are none. */
function ungrouped(text: string): string | undefined {
  if (/^\d+$/.test(text)) return text;
  const [mark] = text.match(/[.,'’ ]/) ?? [];
  const [first = '', ...groups] = text.split(mark ?? ' ');
  const last = groups.pop() ?? '';
  const fits = /^\d{1,3}$/.test(first) && groups.every((group) => /^\d{2,3}$/.test(group)) && /^\d{3}$/.test(last);
  return fits ? [first, ...groups, last].join('') : undefined;
}
