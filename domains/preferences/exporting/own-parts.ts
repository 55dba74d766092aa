import { toUuid } from '../../../core/ids';
import { openEvidence } from '../consent/evidence';
import { verifyConsent } from '../consent/verify-consent';
import { changesOf } from '../store/changes';
import { readChoices } from '../store/choices';
import { listConsent } from '../store/consent';
import { listDestinations } from '../store/destinations';
import { suppressionsOf } from '../store/suppressions';
import { openProfile } from '../subscribers/change-subscriber';
import { openAddress } from '../subscribers/destinations';
import { openDetails } from '../suppressing/details';
import { HELD_AT_ONCE, type HeldPart, heldPage, heldRequest } from './held-part';

const whole = (records: object[]) => ({ records, next: undefined });

/** Rows that have ids, read by them. */
function byId<T extends { id: string }>(rows: readonly T[], show: (row: T) => object) {
  const last = rows.length < HELD_AT_ONCE ? undefined : rows.at(-1);
  return { records: rows.map(show), next: last && toUuid(last.id) };
}

/** What this domain holds about a subscriber. */
export const OWN_PARTS: readonly HeldPart[] = [
  {
    name: 'subscriber',
    single: true,
    read: async (platform, subscriber) => {
      const { id, externalId, locale, timeZone, quietHours, preferenceVersion, createdAt, updatedAt } = subscriber;
      const profile = openProfile(platform, subscriber);
      return whole([
        { id, externalId, locale, timeZone, quietHours, profile, preferenceVersion, createdAt, updatedAt },
      ]);
    },
  },
  {
    name: 'destinations',
    read: async ({ reads, keyring }, { id }, after) =>
      heldPage(await listDestinations(reads, id, heldRequest(after)), (destination) => {
        const { id, channel, createdAt } = destination;
        return { id, channel, address: openAddress(keyring, destination), createdAt };
      }),
  },
  {
    name: 'preferences',
    read: async ({ reads }, { id }) => whole(await readChoices(reads, id)),
  },
  {
    name: 'suppressions',
    read: async ({ reads, keyring }, { id }, after) =>
      byId(await suppressionsOf(reads, id, after, HELD_AT_ONCE), (suppression) => {
        const {
          tenantId: _tenant,
          addressHash: _hash,
          detailsSealed: _sealed,
          revision: _revision,
          ...shown
        } = suppression;
        return { ...shown, ...openDetails(keyring, suppression) };
      }),
  },
  {
    name: 'consent',
    read: async (platform, subscriber, after) =>
      heldPage(await listConsent(platform.reads, subscriber.id, heldRequest(after)), (entry) => ({
        ...entry,
        evidence: openEvidence(platform, subscriber, entry),
      })),
  },
  {
    // That the entries are all of them, as they were written.
    name: 'consentProof',
    single: true,
    read: async (platform, { tenantId, id }) => {
      const { head, ...verdict } = await verifyConsent(platform, tenantId, id, undefined);
      return whole([{ ...verdict, head: head && { seq: head.seq, hash: head.hash.toString('hex') } }]);
    },
  },
  {
    name: 'changes',
    read: async ({ reads }, { id }, after) =>
      byId(await changesOf(reads, id, after, HELD_AT_ONCE), ({ id, kind, version, summary, createdAt }) => ({
        id,
        kind,
        version,
        ...summary,
        createdAt,
      })),
  },
];
