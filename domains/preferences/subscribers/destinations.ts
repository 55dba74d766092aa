import { asId, type PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { type GivenAddress, hashAddress } from '../addresses';
import { forgetDecisions } from '../denied';
import { PreferenceRefusal } from '../refusals';
import {
  addressPlace,
  allDestinations,
  type Destination,
  deleteDestination,
  findDestination,
  findDestinationByAddress,
  insertDestination,
} from '../store/destinations';
import { bumpVersions } from '../store/subscribers';
import type { KeyedEffect } from './create-subscriber';
import { type SubscriberCommand, withSubscriber } from './with-subscriber';

export const MOST_DESTINATIONS = 50;

/**
 * Gives a subscriber an address, once per effect. One that they have, in whatever spelling, stays as it is.
 *
 * @throws PreferenceRefusal when there is no such subscriber, they have too many, or it is no address of the channel
 */
export async function addDestination(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  subscriberId: PublicId,
  given: GivenAddress,
): Promise<{ destination: Destination; isNew: boolean }> {
  const { pool, keyring } = platform;
  const address = await hashAddress(platform, tenantId, given);
  const id = asId('dst', effectId);
  const added = await withSubscriber(
    pool,
    { tenantId, id: subscriberId },
    async (db) => {
      await fence(db);
      const made = await findDestination(db, subscriberId, id);
      if (made !== undefined) return { destination: made, isNew: true };
      const known = await findDestinationByAddress(db, subscriberId, address);
      if (known !== undefined) return { destination: known, isNew: false };
      if ((await allDestinations(db, subscriberId)).length >= MOST_DESTINATIONS) {
        throw new PreferenceRefusal('too-many-destinations', `They may have ${MOST_DESTINATIONS}; remove one first.`);
      }
      const addressSealed = keyring.encrypt(given.address, addressPlace(id));
      const { channel, hash: addressHash } = address;
      const destination = await insertDestination(db, tenantId, {
        id,
        subscriberId,
        channel,
        addressSealed,
        addressHash,
      });
      if (destination === undefined) throw new Error('a destination is there that was not a moment ago');
      await bumpVersions(db, [subscriberId]);
      const payload = { subscriberId, channel };
      await appendAudit(db, tenantId, { actor: keyId, action: 'destination.added', subject: id, payload });
      return { destination, isNew: true };
    },
    [address],
  );
  await forgetDecisions(platform, [subscriberId]).catch(() => undefined);
  return added;
}

/** Takes an address away from a subscriber. Suppressions of it stay. @throws PreferenceRefusal when there is none */
export async function removeDestination(
  platform: Platform,
  { tenantId, keyId, id: subscriberId }: SubscriberCommand,
  id: PublicId,
): Promise<void> {
  await withSubscriber(platform.pool, { tenantId, id: subscriberId }, async (db) => {
    if (!(await deleteDestination(db, subscriberId, id))) throw new PreferenceRefusal('no-such-destination');
    await bumpVersions(db, [subscriberId]);
    await appendAudit(db, tenantId, {
      actor: keyId,
      action: 'destination.removed',
      subject: id,
      payload: { subscriberId },
    });
  });
}

/** A destination's address, as it was given. */
export function openAddress(keyring: Keyring, { id, addressSealed }: Destination): string {
  return keyring.decrypt(addressSealed, addressPlace(id));
}
