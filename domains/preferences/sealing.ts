import { randomBytes } from 'node:crypto';
import type { PublicId } from '../../core/ids';
import { Keyring } from '../../infra/keyring';
import type { Subscriber } from './store/subscribers';

/** The place that a subscriber's key is sealed for. */
function keyPlace(id: PublicId): string {
  return `subscribers/${id}/key`;
}

/** Makes a subscriber's own key. Whatever is sealed with it can be read by nobody once it is destroyed. */
export function newSubscriberKey(keyring: Keyring, id: PublicId): { dataKey: Buffer; ring: Keyring } {
  const entry = `own:${randomBytes(32).toString('base64')}`;
  return { dataKey: keyring.encrypt(entry, keyPlace(id)), ring: new Keyring([entry]) };
}

/** A subscriber's own key; undefined once it is destroyed. */
export function subscriberKey(
  keyring: Keyring,
  { id, dataKey }: Pick<Subscriber, 'id' | 'dataKey'>,
): Keyring | undefined {
  return dataKey === undefined ? undefined : new Keyring([keyring.decrypt(dataKey, keyPlace(id))]);
}

/** The place that a subscriber's profile is sealed for. */
export function profilePlace(id: PublicId): string {
  return `subscribers/${id}`;
}

/** The place that the evidence of a change is sealed for. */
export function evidencePlace(changeId: PublicId): string {
  return `consent_events/${changeId}`;
}
