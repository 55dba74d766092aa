import type { Keyring } from '../../infra/keyring';
import type { Queryable } from '../../infra/postgres/pool';
import { addressPlace } from './store/destinations';
import { type AllowedPlace, type CategoryTraits, readAddressee } from './store/recipients';

/** Where something goes that was allowed, and what it is about. */
export interface Addressee {
  address: string;
  category: CategoryTraits;
}

/**
 * Where to send what was allowed.
 *
 * @param db - in the transaction that has decided, so that it still is so
 * @returns `undefined` when there is no such destination or category
 */
export async function findAddressee(
  keyring: Keyring,
  db: Queryable,
  place: AllowedPlace,
): Promise<Addressee | undefined> {
  const found = await readAddressee(db, place);
  if (found === undefined) return undefined;
  const { addressSealed, category } = found;
  return { address: keyring.decrypt(addressSealed, addressPlace(place.destinationId)), category };
}
