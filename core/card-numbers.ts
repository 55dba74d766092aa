/** Digits, as people and terminals group them. */
const CARD_NUMBER = /^\d(?:[ ._-]*\d){11,18}$/;

/**
 * Whether a text is a card number: 12 to 19 digits, grouped or not, the last of which is the check digit of the others
 * (ISO/IEC 7812, "Luhn"). For texts that are no numbers but by mistake, since of any numbers a tenth are.
 */
export function isCardNumber(text: string): boolean {
  return CARD_NUMBER.test(text) && hasCheckDigit(text.replace(/\D/g, ''));
}

/** As they are printed: 4-4-4-4, 4-6-5, 4-6-4. Not within a longer row of groups, such as an account number's. */
const GROUPED =
  /(?<![\p{L}\p{N}_]|\d[ .\u2010-\u2014-])(?:\d{4}([ .\u2010-\u2014-])\d{4}\1\d{4}\1\d{4}|\d{4}([ .\u2010-\u2014-])\d{6}\2\d{4,5})(?![\p{L}\p{N}_])/gu;
const BARE = /(?<![\p{L}\p{N}_])\d{14,16}(?![\p{L}\p{N}_])/gu;

/** Which numbers are cards', by length: the beginnings that the large schemes have. */
const ISSUED: Readonly<Record<number, RegExp>> = {
  14: /^3(?:0[0-5]|[689])/,
  15: /^3[47]/,
  16: /^(?:4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|6(?:011|4[4-9]|5|2)|35(?:2[89]|[3-8]))/,
};

/**
 * Whether there is what looks like a card number in a text that people write: of the length and with the beginning of one
 * that a scheme issues, a right check digit, and standing by itself, grouped as on a card or not at all. Of random numbers
 * of 16 digits one in 43 is taken for one, of 14 and 15 one in 280 and 500, of others none.
 *
 * @param options.ownNumbers - let a text pass that is digits only: somebody's own number for something
 */
export function holdsCardNumber(text: string, options: { ownNumbers?: boolean } = {}): boolean {
  // Full-width digits and spaces that do not break are written for the plain ones.
  const plain = text.normalize('NFKC');
  if (options.ownNumbers === true && /^\d+$/.test(plain)) return false;
  return [...plain.matchAll(GROUPED), ...plain.matchAll(BARE)].some(([found]) => {
    const digits = found.replace(/\D/g, '');
    return ISSUED[digits.length]?.test(digits) === true && hasCheckDigit(digits);
  });
}

function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const weighed = place % 2 === 0 ? digit : 2 * digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}
