import { isId, type PublicId, toUuid } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { CHANNELS, type Channel } from '../../preferences';

/** What one click refuses. */
export interface UnsubscribeToken {
  tenantId: PublicId;
  subscriberId: PublicId;
  channel: Channel;
  /** The key of the category. */
  category: string;
}

/** The form of what a token says. One of another form is made for it by a later version. */
const FORM = '1';
const PLACE = 'unsubscribe';
const MAX_TOKEN = 800;

/**
 * Makes a token that says whom to unsubscribe from what. It is encrypted and authenticated with the keyring, so nobody else
 * can make one, or learn anything from it. It is valid for as long as the key that made it is in the keyring.
 */
export function makeUnsubscribeToken(keyring: Keyring, token: UnsubscribeToken): string {
  const { tenantId, subscriberId, channel, category } = token;
  const text = [FORM, toUuid(tenantId), toUuid(subscriberId), channel, category].join(' ');
  return keyring.encrypt(text, PLACE).toString('base64url');
}

/** @returns `undefined` when it is none that the keyring has made */
export function readUnsubscribeToken(keyring: Keyring, text: string): UnsubscribeToken | undefined {
  if (text.length > MAX_TOKEN || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  let plain: string;
  try {
    plain = keyring.decrypt(Buffer.from(text, 'base64url'), PLACE);
  } catch {
    return undefined;
  }
  const [form, tenant = '', subscriber = '', name, category = ''] = plain.split(' ');
  const channel = CHANNELS.find((known) => known === name);
  const tenantId = `ten_${tenant}`;
  const subscriberId = `sub_${subscriber}`;
  if (form !== FORM || channel === undefined || category === '') return undefined;
  if (!isId('ten', tenantId) || !isId('sub', subscriberId)) return undefined;
  return { tenantId, subscriberId, channel, category };
}
