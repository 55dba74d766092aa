import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { forgetDecisions } from '../denied';
import { PreferenceRefusal } from '../refusals';
import { profilePlace, subscriberKey } from '../sealing';
import { hasExternalId, type Subscriber, updateSubscriber } from '../store/subscribers';
import { changedMeanwhile, type SubscriberCommand, withSubscriber } from './with-subscriber';

/** The fields to change; null takes one away. */
export interface SubscriberChange {
  externalId?: string | undefined;
  locale?: string | null | undefined;
  timeZone?: string | null | undefined;
  /** Takes the place of the old one as a whole. */
  profile?: Readonly<Record<string, string>> | undefined;
}

/**
 * Changes the given fields of a subscriber, with an entry in the audit log. A new time zone counts for the next decision.
 *
 * @throws PreferenceRefusal when there is no such subscriber, it is none of the expected revisions, or another one has the
 *   external id
 */
export async function changeSubscriber(
  platform: Platform,
  { tenantId, keyId, id, expected }: SubscriberCommand,
  { profile, ...change }: SubscriberChange,
): Promise<Subscriber> {
  const { pool, keyring } = platform;
  const changed = await withSubscriber(pool, { tenantId, id }, async (db, subscriber) => {
    if (change.externalId !== undefined && (await hasExternalId(db, { tenantId, id }, change.externalId))) {
      throw new PreferenceRefusal('subscriber-exists', 'Another subscriber has this externalId.');
    }
    const ring = subscriberKey(keyring, subscriber);
    const profileSealed = profile && ring?.encrypt(JSON.stringify(profile), profilePlace(id));
    const updated = await updateSubscriber(db, id, { ...change, profileSealed }, expected);
    if (updated === undefined) throw changedMeanwhile(subscriber);
    const { locale, timeZone } = change;
    const fields = Object.entries({ ...change, profile }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    );
    const payload = { fields, locale, timeZone };
    await appendAudit(db, tenantId, { actor: keyId, action: 'subscriber.changed', subject: id, payload });
    return updated;
  });
  await forgetDecisions(platform, [id]).catch(() => undefined);
  return changed;
}

/** What the tenant keeps with a subscriber; empty once they are erased. */
export function openProfile({ keyring }: Pick<Platform, 'keyring'>, subscriber: Subscriber): Record<string, string> {
  const ring = subscriberKey(keyring, subscriber);
  if (ring === undefined || subscriber.profileSealed === undefined) return {};
  return JSON.parse(ring.decrypt(subscriber.profileSealed, profilePlace(subscriber.id))) as Record<string, string>;
}
