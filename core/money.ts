import { exponentOf } from './currency';

/** The largest amount that fits into the database's bigint. */
export const MAX_AMOUNT = 2n ** 63n - 1n;

/** The largest single amount in minor units: so small that sums of many stay within the database's range. */
export const MAX_SINGLE_AMOUNT = 10n ** 15n;

const MINOR_UNITS = /^-?(0|[1-9]\d{0,18})$/;

/**
 * Reads minor units as the API writes them: a decimal string without a point, such as `12345` for 123.45 USD.
 *
 * @returns `undefined` for anything else, including what does not fit into 64 bits
 */
export function parseMinorUnits(text: string): bigint | undefined {
  if (!MINOR_UNITS.test(text) || text === '-0') return undefined;
  const amount = BigInt(text);
  return amount > MAX_AMOUNT || amount < -MAX_AMOUNT ? undefined : amount;
}

/** `numerator / denominator`, rounded to the nearest integer; a tie goes to the even one. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  if (denominator <= 0n) throw new RangeError('the denominator must be positive');
  if (numerator < 0n) return -divideHalfEven(-numerator, denominator);
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/**
 * An amount in major units, exactly: `123.45`, `-0.050`, `1000`.
 *
 * @throws RangeError for an unknown currency
 */
export function formatDecimal(amount: bigint, currency: string): string {
  const exponent = exponentOf(currency);
  if (exponent === undefined) throw new RangeError(`unknown currency ${currency}`);
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, '0');
  const sign = amount < 0n ? '-' : '';
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/**
 * Reads an amount in major units, such as `123.45` or `-7`, with at most as many decimals as the currency has.
 *
 * @returns minor units; `undefined` when it is not such an amount
 */
export function parseDecimal(text: string, currency: string): bigint | undefined {
  const exponent = exponentOf(currency);
  const match = /^(-?)(\d{1,19})(?:\.(\d{1,4}))?$/.exec(text);
  if (exponent === undefined || match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  if (fraction.length > exponent) return undefined;
  const amount = BigInt(whole + fraction.padEnd(exponent, '0'));
  if (amount > MAX_AMOUNT) return undefined;
  return sign === '-' ? -amount : amount;
}
