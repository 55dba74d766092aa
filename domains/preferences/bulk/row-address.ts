import type { Keyring } from '../../../infra/keyring';
import { bulkRowPlace, type StoredBulkRow } from '../store/bulk-suppression-rows';

/** A row's address as it was given; undefined once it is forgotten. */
export function openRowAddress(
  keyring: Keyring,
  { bulkId, number, addressSealed }: Pick<StoredBulkRow, 'bulkId' | 'number' | 'addressSealed'>,
): string | undefined {
  return addressSealed && keyring.decrypt(addressSealed, bulkRowPlace(bulkId, number));
}
