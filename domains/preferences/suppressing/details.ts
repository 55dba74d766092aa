import type { Keyring } from '../../../infra/keyring';
import { type Suppression, suppressionPlace } from '../store/suppressions';

/** An address and its evidence, as they are sealed with a suppression. */
export interface SuppressionDetails {
  address: string;
  evidence: Record<string, string>;
}

/** A suppression's address and evidence; undefined once they are forgotten, and where there never were any. */
export function openDetails(
  keyring: Keyring,
  { id, detailsSealed }: Pick<Suppression, 'id' | 'detailsSealed'>,
): SuppressionDetails | undefined {
  if (detailsSealed === undefined) return undefined;
  return JSON.parse(keyring.decrypt(detailsSealed, suppressionPlace(id))) as SuppressionDetails;
}
