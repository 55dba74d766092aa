/** Digits, as people and terminals group them. */
const CARD_NUMBER = /^\d(?:[ ._-]*\d){11,18}$/;

/**
 * Whether a text is a card number: 12 to 19 digits, grouped or not, the last of which is the check digit of the others
 * (ISO/IEC 7812, "Luhn").
 */
export function isCardNumber(text: string): boolean {
  if (!CARD_NUMBER.test(text)) return false;
  const digits = text.replace(/\D/g, '');
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const weighed = place % 2 === 0 ? digit : 2 * digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}
