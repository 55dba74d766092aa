import { isId, type PublicId, toUuid } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { openToken, sealToken } from '../../../infra/sealed-token';
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

/** Makes a token that says whom to unsubscribe from what; only who has the keyring can make one, or read it. */
export function makeUnsubscribeToken(keyring: Keyring, token: UnsubscribeToken): string {
  const { tenantId, subscriberId, channel, category } = token;
  return sealToken(keyring, PLACE, [FORM, toUuid(tenantId), toUuid(subscriberId), channel, category]);
}

/** @returns `undefined` when it is none that the keyring has made */
export function readUnsubscribeToken(keyring: Keyring, text: string): UnsubscribeToken | undefined {
  const [form, tenant = '', subscriber = '', name, category = ''] = openToken(keyring, PLACE, text) ?? [];
  const channel = CHANNELS.find((known) => known === name);
  const tenantId = `ten_${tenant}`;
  const subscriberId = `sub_${subscriber}`;
  if (form !== FORM || channel === undefined || category === '') return undefined;
  if (!isId('ten', tenantId) || !isId('sub', subscriberId)) return undefined;
  return { tenantId, subscriberId, channel, category };
}
