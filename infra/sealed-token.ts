import type { Keyring } from './keyring';

const MAX_TOKEN = 800;

/**
 * Makes a token for a link, of words without blanks. It is encrypted and authenticated with the keyring, so nobody else can
 * make one, or learn anything from it. It is valid for as long as the key that made it is in the keyring.
 *
 * @param place - what it is for: a token for something else is none
 */
export function sealToken(keyring: Keyring, place: string, words: readonly string[]): string {
  return keyring.encrypt(words.join(' '), place).toString('base64url');
}

/** The words of a token. @returns `undefined` when it is none that the keyring has made for this place */
export function openToken(keyring: Keyring, place: string, token: string): string[] | undefined {
  if (token.length > MAX_TOKEN || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
  try {
    return keyring.decrypt(Buffer.from(token, 'base64url'), place).split(' ');
  } catch {
    return undefined;
  }
}
