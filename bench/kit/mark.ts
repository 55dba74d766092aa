/**
 * Identifies a message: the step of the run that it belongs to, and its number in the step. Of fixed width, so that
 * overwriting a few bytes turns a prepared request into another message's.
 */
export const MARK_LENGTH = 13;
const STEP_DIGITS = 4;
const SEQUENCE_DIGITS = 8;
const ZERO = 48;

/** The member that the receiver looks for. It must be the first in the payload. */
const MEMBER = Buffer.from('"mark":"');
/** The mark lies within this many bytes of a webhook's body. */
export const MARK_WITHIN = 512;

export const BLANK_MARK = '0'.repeat(STEP_DIGITS).concat('-', '0'.repeat(SEQUENCE_DIGITS));

/** Writes the mark of a message at a place in its request. */
export function writeMark(into: Buffer, offset: number, step: number, sequence: number): void {
  writeDigits(into, offset, STEP_DIGITS, step);
  writeDigits(into, offset + STEP_DIGITS + 1, SEQUENCE_DIGITS, sequence);
}

/** Finds the mark in a webhook's body; undefined if there is none. */
export function readMark(body: Buffer): { step: number; sequence: number } | undefined {
  const found = body.indexOf(MEMBER);
  const offset = found + MEMBER.length;
  if (found === -1 || body.length < offset + MARK_LENGTH) return undefined;
  const step = readDigits(body, offset, STEP_DIGITS);
  const sequence = readDigits(body, offset + STEP_DIGITS + 1, SEQUENCE_DIGITS);
  return Number.isNaN(step) || Number.isNaN(sequence) ? undefined : { step, sequence };
}

function writeDigits(into: Buffer, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let position = offset + digits - 1; position >= offset; position--) {
    into[position] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function readDigits(from: Buffer, offset: number, digits: number): number {
  let value = 0;
  for (let position = offset; position < offset + digits; position++) {
    const digit = (from[position] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
