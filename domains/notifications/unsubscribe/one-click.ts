import type { Platform } from '../../../infra/platform/platform';
import { findCategoryName, refuseByOneClick } from '../../preferences';
import { notificationMetrics } from '../metrics';
import { findSettings } from '../store/settings';
import { readUnsubscribeToken } from './token';

/** What a link is about, as people call it. */
export interface UnsubscribeOffer {
  category: string;
  /** Who sends; undefined when they have not said. */
  sender: string | undefined;
  channel: string;
}

/** What a link offers; it changes nothing. @returns `undefined` when nobody has made the link */
export async function showUnsubscribe(
  { reads, keyring }: Pick<Platform, 'reads' | 'keyring'>,
  token: string,
): Promise<UnsubscribeOffer | undefined> {
  const read = readUnsubscribeToken(keyring, token);
  if (read === undefined) return undefined;
  const { tenantId, category, channel } = read;
  const [name, { senderName }] = await Promise.all([
    findCategoryName(reads, tenantId, category),
    findSettings(reads, tenantId),
  ]);
  return { category: name ?? category, sender: senderName, channel };
}

/**
 * Unsubscribes whom a link was made for, as any change of what they want. Done again, it refuses nothing more.
 *
 * @returns false when nobody has made the link
 */
export async function unsubscribe(platform: Platform, token: string): Promise<boolean> {
  const read = readUnsubscribeToken(platform.keyring, token);
  if (read === undefined) return false;
  await refuseByOneClick(platform, read);
  platform.metrics.of(notificationMetrics).oneClicks.inc();
  return true;
}
