import { domainToASCII } from 'node:url';
import type { Channel } from './channels';

const MAX_ADDRESS = 2_048;
const MAX_EMAIL = 320;

/** Two characters that a normal form makes anew from each other would take more, and nobody has such an address. */
const MOST_ROUNDS = 4;

/**
 * The form of an address by which spellings of one are the same: those of an email address that differ in case, in how
 * letters are composed, or in how an international domain is written; those of a phone number that differ in punctuation.
 * Addresses of other channels are themselves.
 *
 * @returns `undefined` when it is none of the channel
 */
export function normaliseAddress(channel: Channel, address: string): string | undefined {
  if (address.length > MAX_ADDRESS) return undefined;
  if (channel === 'email') return normaliseEmail(address);
  if (channel === 'sms') return normalisePhone(address);
  return address.trim() === '' ? undefined : address;
}

const NOT_IN_LOCAL = /[\s\p{C}@]/u;
const DOMAIN = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Plus tags stay: `a+news@…` may be somebody else's. The local part's case does not, although it could matter: to send to
 * somebody who opted out in another spelling is worse than not to send to somebody else.
 */
function normaliseEmail(address: string): string | undefined {
  const trimmed = address.trim();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || trimmed.length > MAX_EMAIL) return undefined;
  const local = folded(trimmed.slice(0, at));
  const domain = domainToASCII(trimmed.slice(at + 1).normalize('NFC')).replace(/\.$/, '');
  if (local === undefined || NOT_IN_LOCAL.test(local) || !DOMAIN.test(domain)) return undefined;
  return `${local}@${domain}`;
}

function folded(text: string): string | undefined {
  let before = text;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const after = before.normalize('NFKC').toLowerCase();
    if (after === before) return after;
    before = after;
  }
  return undefined;
}

const E164 = /^\+[1-9]\d{6,14}$/;

/** E.164: `+` and the country code first. `00` in its place and a trunk zero in brackets are understood. */
function normalisePhone(number: string): string | undefined {
  const plain = number
    .normalize('NFKC')
    .replace(/\(0\)/, '')
    .replace(/[\s().\-/\u2010-\u2015]/g, '')
    .replace(/^00/, '+');
  return E164.test(plain) ? plain : undefined;
}
