import { createHmac, randomBytes } from 'node:crypto';
import type { PublicId } from '../../core/ids';
import type { Platform } from '../../infra/platform/platform';
import { PreferenceRefusal } from './refusals';
import type { Channel } from './rules/channels';
import { normaliseAddress } from './rules/normalise';
import { addressKeyPlace, findAddressKey, keepAddressKey } from './store/address-keys';
import type { HashedAddress } from './store/destinations';

const MOST_KEYS = 10_000;

/** The keys by which tenants' addresses are matched. */
export interface AddressKeys {
  of(tenantId: PublicId): Promise<Buffer>;
}

/** Opens the keys, once per process: `platform.once(openAddressKeys)`. A key never changes, so it is read once. */
export function openAddressKeys({ pool, keyring }: Platform): AddressKeys {
  const known = new Map<PublicId, Promise<Buffer>>();

  async function read(tenantId: PublicId): Promise<Buffer> {
    const place = addressKeyPlace(tenantId);
    const sealed =
      (await findAddressKey(pool, tenantId)) ??
      (await keepAddressKey(pool, tenantId, keyring.encrypt(randomBytes(32).toString('base64'), place)));
    return Buffer.from(keyring.decrypt(sealed, place), 'base64');
  }

  return {
    of(tenantId) {
      const kept = known.get(tenantId);
      if (kept !== undefined) return kept;
      if (known.size >= MOST_KEYS) known.clear();
      const key = read(tenantId);
      known.set(tenantId, key);
      key.catch(() => known.delete(tenantId));
      return key;
    },
  };
}

/** An address as somebody gives it. */
export interface GivenAddress {
  channel: Channel;
  address: string;
}

/**
 * The keyed hash by which spellings of an address are one.
 *
 * @param field - where the address is in the input
 * @throws PreferenceRefusal when it is none of the channel
 */
export async function hashAddress(
  platform: Platform,
  tenantId: PublicId,
  given: GivenAddress,
  field: readonly string[] = ['address'],
): Promise<HashedAddress> {
  const hashed = hashWith(await platform.once(openAddressKeys).of(tenantId), given);
  if (hashed === undefined) throw new PreferenceRefusal('unusable-address', HINTS[given.channel], { field });
  return hashed;
}

/** As {@link hashAddress}, with the tenant's key at hand. @returns `undefined` when it is none of the channel */
export function hashWith(key: Buffer, { channel, address }: GivenAddress): HashedAddress | undefined {
  const normal = normaliseAddress(channel, address);
  if (normal === undefined) return undefined;
  return { channel, hash: createHmac('sha256', key).update(`${channel}\0${normal}`).digest() };
}

/** What an address of a channel looks like. */
export function addressHint(channel: Channel): string {
  return HINTS[channel];
}

const HINTS: Readonly<Record<Channel, string>> = {
  email: 'expected an email address such as ada@example.com',
  sms: 'expected a phone number with its country code, such as +49 30 1234567',
  push: 'expected the token of a device',
  in_app: 'expected a name for the app',
  webhook: 'expected the id of an endpoint',
};
