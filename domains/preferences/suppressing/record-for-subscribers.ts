import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { appendConsents } from '../consent/append-consent';
import { holdersOf, lockSubscribersAt } from '../store/destinations';
import { bumpVersions } from '../store/subscribers';
import type { Suppression } from '../store/suppressions';

/** What was done with a suppression. */
export interface SuppressionChange {
  suppression: Suppression;
  kind: 'suppressed' | 'lifted' | 'expiry';
  /** For the record. */
  more?: Readonly<Record<string, unknown>>;
}

/** Whose suppressions, who changed them, and what that was a part of. */
export interface RecordingTerms {
  tenantId: PublicId;
  /** The tenant's key. */
  key: Buffer;
  actor: string;
  /** The change, or the bulk suppression. */
  subject: PublicId;
  at: Date;
}

/**
 * Gives those who have the addresses of changed suppressions a new version each, and entries in their consent logs.
 *
 * @param db - in the transaction that has locked the addresses, and no subscriber
 */
export async function recordForSubscribers(
  db: Queryable,
  { tenantId, key, actor, subject, at }: RecordingTerms,
  changes: readonly SuppressionChange[],
): Promise<void> {
  const addresses = changes.map(({ suppression: { channel, addressHash: hash } }) => ({ channel, hash }));
  const subscribers = await lockSubscribersAt(db, tenantId, addresses);
  if (subscribers.length === 0) return;
  await bumpVersions(db, subscribers);
  const holders = new Map<string, Set<PublicId>>();
  for (const { subscriberId, channel, hash } of await holdersOf(db, tenantId, addresses)) {
    const at = `${channel}/${hash.toString('base64')}`;
    holders.set(at, (holders.get(at) ?? new Set()).add(subscriberId));
  }
  const entries = changes.flatMap(({ suppression, kind, more }) => {
    const { channel, addressHash } = suppression;
    const payload = { ...suppressionRecord(suppression), ...more };
    const event = { actor, action: kind, changeId: subject, payload };
    return [...(holders.get(`${channel}/${addressHash.toString('base64')}`) ?? [])].map((subscriberId) => ({
      ...event,
      subscriberId,
    }));
  });
  await appendConsents(db, { tenantId, key }, entries, at);
}

/** What the logs say of a suppression: nothing that says whose address it is. */
export function suppressionRecord({ id, channel, scope, reason, source, expiresAt }: Suppression) {
  return { channel, scope, reason, suppressionId: id, source, expiresAt: expiresAt?.toISOString() ?? null };
}
