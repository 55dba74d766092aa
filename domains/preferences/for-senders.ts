import { newId, type PublicId } from '../../core/ids';
import type { Platform } from '../../infra/platform/platform';
import { inTransaction } from '../../infra/postgres/pool';
import { openAddressKeys } from './addresses';
import { changePreferences } from './changes/change-preferences';
import { PreferenceRefusal } from './refusals';
import type { Channel } from './rules/channels';
import { EVERYTHING } from './rules/suppression';
import { findDestination } from './store/destinations';
import { openAddress } from './subscribers/destinations';
import { afterSuppression } from './suppressing/after-suppression';
import { suppressIn } from './suppressing/suppress';

/** What somebody refuses with one click. */
export interface OneClickRefusal {
  tenantId: PublicId;
  subscriberId: PublicId;
  channel: Channel;
  /** The key of the category. */
  category: string;
}

/**
 * Opts a subscriber out of a category by a channel, as any change of preferences. Once it resolves, nothing more of it is
 * allowed.
 *
 * @returns the subscriber's version; `undefined` when there is no such subscriber or category, or they are erased
 */
export async function refuseByOneClick(
  platform: Platform,
  { tenantId, subscriberId, channel, category }: OneClickRefusal,
): Promise<number | undefined> {
  const choices = [{ level: 'category' as const, key: category, channel, value: false }];
  try {
    const request = { tenantId, subscriberId, actor: 'one_click' };
    const wish = { kind: 'opt_out' as const, choices, quietHours: undefined };
    return (await changePreferences(platform, request, wish)).version;
  } catch (error) {
    const gone = error instanceof PreferenceRefusal && ['no-such-subscriber', 'unknown-category'].includes(error.code);
    if (gone) return undefined;
    throw error;
  }
}

/** An address that its server says does not work. */
export interface BouncedAddress {
  tenantId: PublicId;
  subscriberId: PublicId;
  destinationId: PublicId;
  reason: 'bounce' | 'invalid';
}

/** Suppresses an address that its own server has refused for good, for everybody who has it. */
export async function suppressBounced(
  platform: Platform,
  { tenantId, subscriberId, destinationId, reason }: BouncedAddress,
): Promise<void> {
  const key = await platform.once(openAddressKeys).of(tenantId);
  const destination = await findDestination(platform.pool, subscriberId, destinationId);
  if (destination === undefined) return;
  const { channel, addressHash: hash } = destination;
  const wish = {
    channel,
    address: openAddress(platform.keyring, destination),
    scope: EVERYTHING,
    reason,
    expiresAt: undefined,
    evidence: {},
  };
  const making = {
    tenantId,
    id: newId('sup'),
    actor: 'notifications',
    source: 'provider' as const,
    address: { channel, hash },
    key,
  };
  const { changeId } = await inTransaction(platform.pool, (db) => suppressIn(db, platform, making, wish));
  await afterSuppression(platform, tenantId, changeId);
}
