import { asId, newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { type GivenAddress, hashAddress } from '../addresses';
import { PreferenceRefusal } from '../refusals';
import type { QuietHours } from '../rules/quiet-hours';
import { newSubscriberKey, profilePlace } from '../sealing';
import { addressPlace, type Destination, insertDestination, lockAddresses } from '../store/destinations';
import { findSubscriber, insertSubscriber, type Subscriber } from '../store/subscribers';

/** The effect of a tenant's request, and the API key that sent it. */
export type KeyedEffect = Effect & { keyId: PublicId };

/** A subscriber to register. */
export interface SubscriberWish {
  /** The tenant's own id of them. */
  externalId: string;
  locale: string | undefined;
  timeZone: string | undefined;
  quietHours: QuietHours | undefined;
  /** What else the tenant keeps with them. */
  profile: Readonly<Record<string, string>>;
  destinations: readonly GivenAddress[];
}

/**
 * Registers a subscriber with their destinations, once per effect, with an entry in the audit log. Two spellings of one
 * address are one destination.
 *
 * @throws PreferenceRefusal when the tenant has one with this external id, or an address is none of its channel
 */
export async function createSubscriber(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  wish: SubscriberWish,
): Promise<Subscriber> {
  const { pool, keyring } = platform;
  const id = asId('sub', effectId);
  const { externalId, locale, timeZone, quietHours, profile } = wish;
  const hashed = await Promise.all(
    wish.destinations.map((given, index) =>
      hashAddress(platform, tenantId, given, ['destinations', String(index), 'address']),
    ),
  );
  const { dataKey, ring } = newSubscriberKey(keyring, id);
  const profileSealed = ring.encrypt(JSON.stringify(profile), profilePlace(id));
  return inTransaction(pool, async (db) => {
    await fence(db);
    const made = await findSubscriber(db, tenantId, id);
    if (made !== undefined) return made;
    await lockAddresses(db, tenantId, hashed);
    const subscriber = await insertSubscriber(db, {
      id,
      tenantId,
      externalId,
      locale,
      timeZone,
      quietHours,
      profileSealed,
      dataKey,
    });
    if (subscriber === undefined) {
      throw new PreferenceRefusal('subscriber-exists', 'There is a subscriber with this externalId; change that one.');
    }
    const destinations: Destination[] = [];
    for (const [index, { channel, hash }] of hashed.entries()) {
      const destinationId = newId('dst');
      const address = wish.destinations[index]?.address ?? '';
      const addressSealed = keyring.encrypt(address, addressPlace(destinationId));
      const destination = { id: destinationId, subscriberId: id, channel, addressSealed, addressHash: hash };
      const inserted = await insertDestination(db, tenantId, destination);
      if (inserted !== undefined) destinations.push(inserted);
    }
    const payload = {
      locale,
      timeZone,
      quietHours,
      destinations: destinations.map(({ id, channel }) => ({ id, channel })),
    };
    await appendAudit(db, tenantId, { actor: keyId, action: 'subscriber.created', subject: id, payload });
    return subscriber;
  });
}
